"""What is told to OpenTelemetry: the API only; an application brings the SDK."""
