"""Boxship turns a multi-container application into an appliance."""

__version__ = "0.1.0"
