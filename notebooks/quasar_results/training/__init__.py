"""Figures of training runs beside each other, one module a figure."""
