"""The API over HTTP: parse, call one action, render."""
