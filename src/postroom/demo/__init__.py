"""The demo's content: a maker of coffee roasting machines, its customers, and what they wrote to each other."""
