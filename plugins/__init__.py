"""Plugins that come with ProctorHub; each folder can be deleted together with its lines in setup.cfg."""
