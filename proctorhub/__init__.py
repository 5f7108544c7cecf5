"""ProctorHub: self-hosted proctoring of online exams."""

__version__ = "0.1.0"
