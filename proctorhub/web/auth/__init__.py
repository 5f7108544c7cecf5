"""Signing in and out, and who the person or machine behind a request is."""

from __future__ import annotations

from proctorhub.web.auth.views import bp

__all__ = ["bp"]
