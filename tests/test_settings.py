"""The settings: what the environment may say, what it may not, and what is shown of it."""

from __future__ import annotations

import base64
import dataclasses
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from queue_services.errors import ConfigurationError
from queue_services.settings import Settings, environment_for

SECRET = "whsec_" + base64.b64encode(b"k" * 32).decode()
ADMIN_KEY = "an administrator's key, not to be guessed"


def read(**environ: str) -> Settings:
    return Settings.from_environment(environ)


def refused(**environ: str) -> dict[str, str]:
    with pytest.raises(ConfigurationError) as caught:
        read(**environ)
    return {fault.field: fault.message for fault in caught.value.faults}


def test_an_empty_environment_gives_the_documented_defaults() -> None:
    settings = read()
    assert (settings.host, settings.port, settings.database_url) == (
        "127.0.0.1",
        3000,
        "sqlite:///queue-services.db",
    )
    assert (
        settings.sms_per_second,
        settings.email_per_second,
        settings.max_attempts,
        settings.concurrency,
    ) == (50, 100, 3, 256)
    assert (settings.sms_api_url, settings.email_api_url) == (None, None)
    assert settings == Settings()


def test_the_original_names_work_as_they_are() -> None:
    settings = read(
        PORT="8080",
        HOST="::1",
        SMS_API_URL="http://127.0.0.1:9/app/",
        EMAIL_API_URL="https://mail.example.com",
        SMS_CALLBACK_ENDPOINT="/sms?v=2",
        EMAIL_CALLBACK_ENDPOINT="/email",
        BULL_BOARD_USERNAME="admin",
        BULL_BOARD_PASSWORD="open sesame",
    )
    assert (settings.port, settings.host) == (8080, "::1")
    assert (settings.sms_api_url, settings.email_api_url) == (
        "http://127.0.0.1:9/app",
        "https://mail.example.com",
    )
    assert (settings.sms_callback_endpoint, settings.email_callback_endpoint) == (
        "/sms?v=2",
        "/email",
    )
    assert (settings.bull_board_username, settings.bull_board_password) == ("admin", "open sesame")


def test_the_prefixed_name_goes_before_the_original_and_an_option_before_both() -> None:
    environ = {"PORT": "1001", "QUEUE_SERVICES_PORT": "1002"}
    assert Settings.from_environment(environ).port == 1002
    assert Settings.from_environment(environ, port=1003).port == 1003
    assert Settings.from_environment(environ, port=None).port == 1002


def test_an_empty_variable_counts_as_unset() -> None:
    assert read(PORT="", SMS_API_URL="") == Settings()


def test_lists_networks_and_flags_become_typed_values() -> None:
    settings = read(
        QUEUE_SERVICES_CALLBACK_ALLOW="10.0.0.0/8, fd00::/8",
        QUEUE_SERVICES_CALLBACK_PATHS="/hooks/,/send",
        QUEUE_SERVICES_CORS_ORIGINS="https://app.example.com, http://localhost:5173",
        QUEUE_SERVICES_INSECURE="Yes",
        QUEUE_SERVICES_SMS_PER_SECOND="0.5",
    )
    assert [str(network) for network in settings.callback_allow] == ["10.0.0.0/8", "fd00::/8"]
    assert settings.callback_paths == ("/hooks/", "/send")
    assert settings.cors_origins == ("https://app.example.com", "http://localhost:5173")
    assert settings.insecure is True
    assert settings.sms_per_second == 0.5


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PORT", "70000"),
        ("PORT", "80a"),
        ("PORT", "8_0"),
        ("HOST", "a\nb"),
        ("SMS_API_URL", "ftp://127.0.0.1"),
        ("SMS_API_URL", "http://"),
        ("SMS_API_URL", "http://h/?a=b"),
        ("SMS_API_URL", "http://h/#x"),
        ("SMS_API_URL", "http://h:99999"),
        ("SMS_API_URL", "http://h/a b"),
        ("EMAIL_CALLBACK_ENDPOINT", "//evil"),
        ("EMAIL_CALLBACK_ENDPOINT", "http://evil/x"),
        ("EMAIL_CALLBACK_ENDPOINT", "/\\evil"),
        ("QUEUE_SERVICES_DATABASE_URL", "mysql://h/db"),
        ("QUEUE_SERVICES_DATABASE_URL", "sqlite://file.db"),
        ("QUEUE_SERVICES_DATABASE_URL", "sqlite:///:memory:"),
        ("QUEUE_SERVICES_DATABASE_URL", "postgresql://u@h:1/"),
        ("QUEUE_SERVICES_SMS_PER_SECOND", "0"),
        ("QUEUE_SERVICES_SMS_PER_SECOND", "nan"),
        ("QUEUE_SERVICES_SMS_PER_SECOND", "inf"),
        ("QUEUE_SERVICES_SMS_PER_SECOND", "1e999"),
        ("QUEUE_SERVICES_SMS_PER_SECOND", "2.5"),
        ("QUEUE_SERVICES_SMS_PER_SECOND", "-1"),
        ("QUEUE_SERVICES_MAX_ATTEMPTS", "0"),
        ("QUEUE_SERVICES_BACKOFF_SECONDS", "-0.1"),
        ("QUEUE_SERVICES_INSECURE", "maybe"),
        ("QUEUE_SERVICES_CALLBACK_ALLOW", "10.0.0.1/8"),
        ("QUEUE_SERVICES_CORS_ORIGINS", "https://app.example.com/path"),
        ("QUEUE_SERVICES_SIGNING_SECRET", "whsec_c2hvcnQ="),
        ("QUEUE_SERVICES_CALLBACK_AUTHORIZATION", "Bearer a\r\nx-evil: 1"),
        ("QUEUE_SERVICES_LOG_LEVEL", "loud"),
        ("QUEUE_SERVICES_ADMIN_KEY", "k" * 31),
        ("QUEUE_SERVICES_ROOT_PATH", "queue"),
        ("QUEUE_SERVICES_ROOT_PATH", "//evil.example"),
        ("QUEUE_SERVICES_ROOT_PATH", "/a/../b"),
        ("QUEUE_SERVICES_ROOT_PATH", "/api"),
        ("QUEUE_SERVICES_ADMIN_KEY", "k" * 40 + "\x7f"),
    ],
)
def test_a_value_that_cannot_work_is_refused_by_its_name_with_advice(name: str, value: str) -> None:
    faults = refused(**{name: value})
    assert list(faults) == [name]
    assert faults[name].startswith(("give ", "name "))


def test_every_fault_is_reported_at_once() -> None:
    assert refused(
        PORT="x", QUEUE_SERVICES_LEASE_SECONDS="0", QUEUE_SERVICES_LOG_FORMAT="xml"
    ).keys() == {
        "PORT",
        "QUEUE_SERVICES_LEASE_SECONDS",
        "QUEUE_SERVICES_LOG_FORMAT",
    }


def test_a_misspelt_name_is_refused_with_the_name_that_was_meant() -> None:
    assert (
        "QUEUE_SERVICES_SMS_PER_SECOND"
        in refused(QUEUE_SERVICES_SMS_PERSECOND="5")["QUEUE_SERVICES_SMS_PERSECOND"]
    )


def test_what_kubernetes_sets_for_a_service_of_that_name_is_not_ours() -> None:
    kubernetes = {
        "QUEUE_SERVICES_SERVICE_HOST": "10.0.0.7",
        "QUEUE_SERVICES_SERVICE_PORT": "3000",
        "QUEUE_SERVICES_PORT": "tcp://10.0.0.7:3000",
        "QUEUE_SERVICES_PORT_3000_TCP_ADDR": "10.0.0.7",
    }
    assert Settings.from_environment(kubernetes | {"PORT": "8080"}).port == 8080


def test_half_a_login_is_refused() -> None:
    assert refused(BULL_BOARD_USERNAME="admin").keys() == {"BULL_BOARD_USERNAME"}


def test_a_secret_may_stand_in_a_file(tmp_path: Path) -> None:
    path = tmp_path / "key"
    path.write_text(f"{ADMIN_KEY}\n")
    settings = read(QUEUE_SERVICES_ADMIN_KEY_FILE=str(path))
    assert settings.admin_key == ADMIN_KEY
    assert settings.sources["admin_key"] == "file"
    assert refused(
        QUEUE_SERVICES_ADMIN_KEY_FILE=str(path), QUEUE_SERVICES_ADMIN_KEY=ADMIN_KEY
    ).keys() == {"QUEUE_SERVICES_ADMIN_KEY"}
    assert refused(QUEUE_SERVICES_ADMIN_KEY_FILE=str(tmp_path / "none")).keys() == {
        "QUEUE_SERVICES_ADMIN_KEY_FILE"
    }


def test_check_config_shows_values_and_sources_but_no_secret() -> None:
    settings = Settings.from_environment(
        {
            "SMS_API_URL": "https://any:hush@app.example.com/x",
            "QUEUE_SERVICES_DATABASE_URL": "postgresql://me:hush@db.example.com:5432/q?password=hush",
            "QUEUE_SERVICES_SIGNING_SECRET": SECRET,
            "QUEUE_SERVICES_ADMIN_KEY": "hush" * 8,
        },
        port=8080,
    )
    lines = {line.name: line for line in settings.describe()}
    assert "hush" not in str(list(lines.values())) + repr(settings)
    assert SECRET not in str(list(lines.values())) + repr(settings)
    assert lines["SMS_API_URL"].value == "https://***@app.example.com/x"
    assert (
        lines["QUEUE_SERVICES_DATABASE_URL"].value
        == "postgresql://me:***@db.example.com:5432/q?password=***"
    )
    assert (lines["PORT"].value, lines["PORT"].source) == ("8080", "option")
    assert (lines["HOST"].value, lines["HOST"].source) == ("127.0.0.1", "default")
    assert lines["QUEUE_SERVICES_ADMIN_KEY"].source == "environment"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("QUEUE_SERVICES_ADMIN_KEY", "a://hush-hush-hush-hush-hush-hush-hush"),
        ("QUEUE_SERVICES_CALLBACK_AUTHORIZATION", "token://hush"),
        ("BULL_BOARD_PASSWORD", "https://hush"),
        ("QUEUE_SERVICES_DATABASE_URL", "postgresql://me:12/hush@db.example.com/q"),
        ("QUEUE_SERVICES_DATABASE_URL", "postgresql://me:12/3?hush@db.example.com/q"),
        ("QUEUE_SERVICES_DATABASE_URL", "postgresql://me@db/q?sslmode=x&password=a#hush"),
        ("QUEUE_SERVICES_DATABASE_URL", "postgresql://me@db/q?password=a?b=hush"),
        ("SMS_API_URL", "https://hush@app.example.com"),
        ("SMS_API_URL", "https://me:12/hush@app.example.com"),
        ("SMS_CALLBACK_ENDPOINT", "/send-sms?token=hush"),
    ],
)
def test_check_config_shows_no_secret_whatever_it_contains(name: str, value: str) -> None:
    environ = {name: value, "BULL_BOARD_USERNAME": "me", "BULL_BOARD_PASSWORD": "x"}
    settings = Settings.from_environment(environ | {name: value})
    assert "hush" not in str(settings.describe()) + repr(settings)


def test_no_fault_repeats_the_value_it_is_about() -> None:
    for name in ("QUEUE_SERVICES_SIGNING_SECRET", "QUEUE_SERVICES_DATABASE_URL"):
        assert "hush-hush" not in str(refused(**{name: "hush-hush"}))


@given(
    st.dictionaries(
        st.sampled_from([v.shown for v in Settings.VARIABLES.values()]),
        st.text(st.characters(blacklist_categories=["Cs"])),
    )
)
def test_any_text_is_read_or_refused_but_never_breaks(environ: dict[str, str]) -> None:
    try:
        shown = [line.value for line in Settings.from_environment(environ).describe()]
    except ConfigurationError as error:
        shown = [fault.message for fault in error.faults]
    assert shown
    assert all(shown)


def test_a_default_that_is_written_out_is_read_back_as_itself() -> None:
    written = {
        variable.shown: getattr(Settings(), field) for field, variable in Settings.VARIABLES.items()
    }
    texts = {
        name: ",".join(value) if isinstance(value, tuple) else str(value)
        for name, value in written.items()
        if value is not None
    }
    assert dataclasses.replace(Settings.from_environment(texts), sources={}) == Settings()


def test_a_child_gets_our_environment_without_our_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (
        "PORT",
        "SMS_API_URL",
        "QUEUE_SERVICES_ADMIN_KEY",
        "QUEUE_SERVICES_ADMIN_KEY_FILE",
        "UNRELATED",
    ):
        monkeypatch.setenv(name, "ours")
    environment = environment_for(SMS_API_URL="http://127.0.0.1:9")
    assert environment["SMS_API_URL"] == "http://127.0.0.1:9"
    assert environment["UNRELATED"] == "ours"
    assert environment.keys().isdisjoint(
        {"PORT", "QUEUE_SERVICES_ADMIN_KEY", "QUEUE_SERVICES_ADMIN_KEY_FILE"}
    )
