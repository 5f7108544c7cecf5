"""Blob stores that come with ProctorHub: a local folder and GridFS."""
