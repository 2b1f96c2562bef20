"""Optuna drives a sweep: `perpx-sweep GRID.toml` with `[search] method = "external"`, a JSON object a line.

ask_tell.py PROGRAM GRID.toml [perpx-sweep's own options...]: asks until the budget is used, in batches, with a sampler
made anew from a derived seed for each, so that a run that was killed asks the same when it is begun again.
"""
import json
import subprocess
import sys

import optuna
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.trial import TrialState

BATCH = 64
SEED = 7


def distribution(axis):
    if axis["kind"] == "categorical":
        return CategoricalDistribution(axis["choices"])
    of = IntDistribution if axis["kind"] == "int" else FloatDistribution
    step = None if axis["log"] else axis["step"]
    if of is IntDistribution and step is None:
        step = 1
    return of(axis["low"], axis["high"], log=axis["log"], step=step)


def constraints(trial):
    return trial.user_attrs.get("constraints", (1.0,))


def sampler(generation):
    return optuna.samplers.TPESampler(
        seed=SEED * 1_000_003 + generation, multivariate=True, constant_liar=True, constraints_func=constraints
    )


def drive(command):
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def hear():
        line = json.loads(process.stdout.readline() or '{"error": "it is gone"}')
        if "error" in line:
            sys.exit(f"perpx-sweep: {line['error']}")
        return line

    header = hear()
    space = {axis["name"]: distribution(axis) for axis in header["space"]}
    study = optuna.create_study(direction=header["objectives"][0]["direction"])
    for known in header["reference"]:
        # what does not count under a condition is missing there: such a point cannot be laid into a fixed space
        if set(known["params"]) == set(space):
            study.add_trial(
                optuna.trial.create_trial(
                    params=known["params"],
                    distributions=space,
                    values=known["values"],
                    user_attrs={"constraints": known["constraints"]},
                )
            )
    left, generation = header["budget"] - header["told"], 0
    while left > 0:
        study.sampler = sampler(generation)
        trials = [study.ask(space) for _ in range(min(BATCH, left))]
        asked = [{"number": trial.number, "params": trial.params} for trial in trials]
        print(json.dumps({"ask": asked}), file=process.stdin, flush=True)
        for trial, told in zip(trials, hear()["tell"]):
            assert trial.number == told["number"]
            if told["state"] == "fail":
                study.tell(trial, state=TrialState.FAIL)
                continue
            trial.set_user_attr("constraints", told["constraints"])
            study.tell(trial, told["values"])
        left -= len(trials)
        generation += 1
    print(json.dumps({"done": True}), file=process.stdin, flush=True)
    report = hear()["report"]
    process.stdin.close()
    return study, report, process.wait()


if __name__ == "__main__":
    study, report, code = drive(sys.argv[1:])
    print(f"{len(study.trials)} trials, best {study.best_value:.4f}, {report}")
    sys.exit(code)
