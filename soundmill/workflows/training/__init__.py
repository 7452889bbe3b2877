"""Training: fit a model to its days, evaluate it on others, promote it; without an orchestrator. What needs labels, features and models
of several days at once belongs here.

    fitted = train_model(lake, catalog, "owls", options)
    evaluated = evaluate_model(lake, catalog, "owls", options)
    promote_model(catalog, "owls", "fewer false alarms at night")
"""

from soundmill.options import TrainingOptions
from soundmill.workflows.training.data import TrainingData
from soundmill.workflows.training.evaluation import Evaluated, evaluate_model
from soundmill.workflows.training.fit import Fitted, train_model
from soundmill.workflows.training.models import delete_model, is_demo, load_version, model_path, promote_model

__all__ = [
    "Evaluated",
    "Fitted",
    "TrainingData",
    "TrainingOptions",
    "delete_model",
    "evaluate_model",
    "is_demo",
    "load_version",
    "model_path",
    "promote_model",
    "train_model",
]
