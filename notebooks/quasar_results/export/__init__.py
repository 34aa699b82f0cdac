"""Copies of a results folder's records for other programs: CSV and TensorBoard's event files."""
