"""The hash of the weights: who weighs how much, apart from who asked for what.

SHA-256 of UTF-8, compact JSON: an array of ``[retailer, weight]``, each pair once, in byte order of the retailer, then
by weight; the weight is the one that holds for a line (its own, else its retailer's, else 1).
"""

import hashlib
import json

import numpy as np

from allocation.problem import Problem


def weights_sha256(problem: Problem) -> str:
    """Return the SHA-256 of the weights of a problem's lines, in hexadecimal digits."""
    names, requests, weight = problem.retailers.retailer, problem.requests, problem.lines.weight
    most = int(weight.max(initial=0)) + 1
    keys = np.unique(np.asarray(requests.retailer, np.int64) * most + weight).tolist()
    pairs = sorted((names[key // most], key % most) for key in keys)
    return hashlib.sha256(json.dumps(pairs, ensure_ascii=False, separators=(",", ":")).encode()).hexdigest()
