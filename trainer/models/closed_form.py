"""Models with a closed-form solution: ridge regression on features, and the SVR of the first attempt.

scikit-learn takes a second to import, so only the functions that use it import it.
"""

import numpy as np
import torch
from torch import nn

from trainer.dataset.rows import Indexed
from trainer.models.features import pooled_neck
from trainer.models.heads import HIGH, LOW, Bins, Plain
from trainer.models.networks import KernelMachine, Network, build
from trainer.models.ridge import FOLDS, Standardised, solve
from trainer.runs.config import RunConfig

PENALTIES = (1e-3, 1e-2, 1e-1, 1.0)  # on the weights of a head of bins, per example
STEPS = 100  # of L-BFGS


def fit_probe(network: Network, features: Indexed, label: np.ndarray, horse: np.ndarray, weight: np.ndarray) -> float:
    """Fit the network's head by ridge regression on standardised features (n, p); returns the chosen strength.

    The strength is chosen by cross-validation in which all photos of a horse are in one fold.
    """
    head = network.head
    assert isinstance(head, Plain)
    line = solve(_standardise(network, features), label[:, None].astype(np.float64), horse, weight[:, None])
    with torch.no_grad():
        head.linear.weight.copy_((HIGH - LOW) * torch.from_numpy(line.slopes.T).float())
        head.linear.bias.fill_(LOW + (HIGH - LOW) * float(line.level[0]))
    return float(line.strength[0])


def _standardise(network: Network, features: Indexed) -> Standardised:
    neck, data = pooled_neck(network).cpu(), Standardised.of(features)
    neck.mean.copy_(torch.from_numpy(data.mean))
    neck.std.copy_(torch.from_numpy(data.deviation))
    return data


def fit_head(network: Network, features: Indexed, label: np.ndarray, horse: np.ndarray, weight: np.ndarray) -> None:
    """Train the head alone on fixed features, before the whole network is trained (LP-FT; Kumar et al. 2022).

    A plain head is solved in closed form; a head of bins by L-BFGS, with a penalty chosen on a fifth of the horses.
    """
    if isinstance(network.head, Plain):
        fit_probe(network, features, label, horse, weight)
        return
    data = _standardise(network, features)
    standard = torch.from_numpy(np.concatenate([block for _, block in data.blocks(np.arange(len(features)))]))
    labels, weights = torch.from_numpy(label), torch.from_numpy(weight)
    names = np.unique(horse)
    outside = torch.from_numpy(np.isin(horse, names[:: min(FOLDS, max(2, len(names)))]))
    losses = []
    for penalty in PENALTIES:
        trial = _solve_bins(network.head, standard[~outside], labels[~outside], weights[~outside], penalty)
        with torch.inference_mode():
            losses.append(float(trial.loss(trial(standard[outside]), labels[outside]).mean()))
    best = PENALTIES[int(np.argmin(losses))]
    network.head = _solve_bins(network.head, standard, labels, weights, best)


def _solve_bins(head: Bins, features: torch.Tensor, label: torch.Tensor, weight: torch.Tensor, penalty: float) -> Bins:
    solved = Bins(features.shape[1], len(head.centres))
    solved.load_state_dict(head.state_dict())
    optimiser = torch.optim.LBFGS(solved.parameters(), max_iter=STEPS, line_search_fn="strong_wolfe")

    def step() -> float:
        optimiser.zero_grad()
        fit = (weight * solved.loss(solved(features), label)).sum() / weight.sum()
        loss = fit + penalty * solved.linear.weight.square().sum()
        loss.backward()
        return loss.item()

    optimiser.step(step)
    return solved


def fit_svr(config: RunConfig, pixels: np.ndarray, label: np.ndarray) -> Network:
    """Whitened PCA of the pixels and an SVR with a Gaussian kernel, as in the first attempt (2017)."""
    from sklearn.decomposition import PCA
    from sklearn.svm import SVR

    flat = pixels.reshape(len(pixels), -1).astype(np.float32) / 255
    components = min(config.components, len(flat), flat.shape[1])
    solver = "full" if len(flat) < 1000 else "auto"
    pca = PCA(components, whiten=True, svd_solver=solver, random_state=config.random_seed)
    reduced = pca.fit_transform(flat)
    machine = SVR(C=config.svr_c, gamma=config.svr_gamma)  # pyright: ignore[reportArgumentType]
    machine.fit(reduced, LOW + (HIGH - LOW) * label)
    network = build(config, shape=(components, len(machine.support_vectors_)))
    kernel: nn.Module = network.neck
    assert isinstance(kernel, KernelMachine)
    scale = np.sqrt(pca.explained_variance_)[:, None]
    kernel.centre.copy_(torch.from_numpy(pca.mean_))
    kernel.components.copy_(torch.from_numpy(pca.components_ / np.maximum(scale, np.finfo(np.float32).eps)))
    kernel.vectors.copy_(torch.from_numpy(machine.support_vectors_))
    kernel.weights.copy_(torch.from_numpy(machine.dual_coef_[0] / (HIGH - LOW)))
    kernel.bias.fill_((float(machine.intercept_[0]) - LOW) / (HIGH - LOW))
    return network
