"""No message shows a password."""

from __future__ import annotations

import pytest

from framework.state.mongo.secrets import without_secrets


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("mongodb://joe:hunter2@db:27017/desk", "mongodb://***@db:27017/desk"),
        ("mongodb://joe@db/desk", "mongodb://***@db/desk"),
        ("mongodb+srv://joe:a%40b@db.example/?w=1", "mongodb+srv://***@db.example/?w=1"),
        (
            "mongodb://db/?tlsCertificateKeyFilePassword=p&w=1",
            "mongodb://db/?tlsCertificateKeyFilePassword=***&w=1",
        ),
        (
            "mongodb://db/?authMechanismProperties=AWS_SESSION_TOKEN:x",
            "mongodb://db/?authMechanismProperties=***",
        ),
        ("nothing listens at 127.0.0.1:9", "nothing listens at 127.0.0.1:9"),
    ],
)
def test_a_uri_is_shown_without_its_secrets(text: str, shown: str) -> None:
    assert without_secrets(text) == shown


def test_a_password_is_removed_wherever_it_stands() -> None:
    uri = "mongodb://joe:p%40ss@db/desk"
    assert without_secrets("user joe gave p@ss (p%40ss)", uri) == "user joe gave *** (***)"
