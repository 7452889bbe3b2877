"""What a run says on the terminal: one line for each message. Whole errors stand in the run's events, which the UI shows."""

import logging

import dagster as dg


class _OneLine(logging.Formatter):
    """The time and the message itself, without the run's name and number before it and the stack trace after it."""

    def format(self, record: logging.LogRecord) -> str:
        message = record.getMessage().split("\n", 1)[0]
        *_, text = message.split(" - ", 2) if message.startswith("__") else [message]
        return f"{self.formatTime(record, '%H:%M:%S')} {record.levelname.lower():<7} {text}"


@dg.logger({"log_level": dg.Field(str, default_value="INFO", description="least level that is shown")})
def one_line_console(context: dg.InitLoggerContext) -> logging.Logger:
    """Messages as lines on standard error."""
    logger = logging.Logger("soundmill", context.logger_config["log_level"])
    handler = logging.StreamHandler()
    handler.setFormatter(_OneLine())
    logger.addHandler(handler)
    return logger
