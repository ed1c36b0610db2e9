"""The QA team's page: redacted calls are listened to, corrected and approved."""
