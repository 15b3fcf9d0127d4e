"""A load that behaves like API clients, so that every board has life: `make traffic`."""
