"""Plugins that come with ProctorHub; a folder goes together with its lines in setup.cfg."""
