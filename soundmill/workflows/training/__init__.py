"""Training: plan and define a model, fit it to its days, evaluate it on others, compare and promote it; without an orchestrator. What needs
labels, features and models of several days at once belongs here.

    define_model(catalog, "owls", suggested, extractors)
    fitted = train_model(lake, catalog, "owls", options)
    evaluated = evaluate_model(lake, catalog, "owls", options)
    promote_model(catalog, "owls", "fewer false alarms at night")
"""

from soundmill.options import TrainingOptions
from soundmill.workflows.training.data import TrainingData
from soundmill.workflows.training.defining import (
    Definition,
    copy_model,
    define_model,
    definition,
    move_thresholds,
    tag_group,
)
from soundmill.workflows.training.evaluation import Evaluated, evaluate_model
from soundmill.workflows.training.fit import Fitted, train_model
from soundmill.workflows.training.models import delete_model, is_demo, load_version, model_path, promote_model
from soundmill.workflows.training.overview import files_of, models_now, predictions_csv
from soundmill.workflows.training.planning import Checked, check_choice, days_of_data, suggest_days
from soundmill.workflows.training.reports import Report, read_report, read_summary
from soundmill.workflows.training.requests import requests_now
from soundmill.workflows.training.testing import Compared, compare_versions, evaluate_on_days

__all__ = [
    "Checked",
    "Compared",
    "Definition",
    "Evaluated",
    "Fitted",
    "Report",
    "TrainingData",
    "TrainingOptions",
    "check_choice",
    "compare_versions",
    "copy_model",
    "days_of_data",
    "define_model",
    "definition",
    "delete_model",
    "evaluate_model",
    "evaluate_on_days",
    "files_of",
    "is_demo",
    "load_version",
    "model_path",
    "models_now",
    "move_thresholds",
    "predictions_csv",
    "promote_model",
    "read_report",
    "read_summary",
    "requests_now",
    "suggest_days",
    "tag_group",
    "train_model",
]
