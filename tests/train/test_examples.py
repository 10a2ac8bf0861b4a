"""The examples of custom steps: each learns, and each is short."""

import ast
import importlib.util
import pathlib
import sys

import numpy as np
import pytest

EXAMPLES = pathlib.Path(__file__).parents[2] / "examples"
NAMES = ["gan", "vae", "distillation", "contrastive", "policy_gradient", "text_generation"]


def load(name):
    spec = importlib.util.spec_from_file_location(f"example_{name}", EXAMPLES / f"{name}.py")
    module = sys.modules[spec.name] = importlib.util.module_from_spec(spec)  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("name", NAMES)
def test_an_example_is_under_sixty_lines_of_code(name):
    source = (EXAMPLES / f"{name}.py").read_text()
    tree, lines = ast.parse(source), set()
    for node in ast.walk(tree):
        if isinstance(node, ast.expr | ast.stmt) and not _is_docstring(node):
            lines |= {node.lineno}
    assert 20 < len(lines) < 60


def _is_docstring(node):
    value = node.value if isinstance(node, ast.Expr) else node
    return isinstance(value, ast.Constant) and isinstance(value.value, str) and "\n" in value.value + "\n"


def test_a_gan_makes_what_looks_like_digits_on_average():
    images, real = load("gan").main(epochs=25)
    assert images.shape == (512, 64)
    mean, wanted = np.mean(images, 0), np.mean(real, 0)
    assert np.corrcoef(mean, wanted)[0, 1] > 0.8  # noise alone has 0
    assert np.std(images, 0).mean() > 0.05  # not one image again and again


def test_a_vae_raises_its_evidence_bound():
    before, after = load("vae").main(epochs=10)
    assert after < 0.65 * before


def test_a_student_learns_more_with_a_teacher_than_alone():
    found = load("distillation").main()
    assert found["teacher"] > 0.95
    assert found["student"] > found["alone"] + 0.02


def test_codes_learnt_without_labels_separate_the_digits():
    before, after = load("contrastive").main(epochs=20)
    assert after > before + 0.05


def test_an_agent_learns_to_bring_the_cart_to_rest():
    first, last = load("policy_gradient").main(epochs=30)
    assert last > first / 3  # rewards are negative


def test_a_language_model_learns_a_text_and_writes_on(monkeypatch):
    example = load("text_generation")
    monkeypatch.setattr(example, "LENGTH", 20)
    accuracy, written = example.main(epochs=3)
    assert accuracy > 0.18  # the most frequent character alone, a space, is 0.15
    assert written.startswith("beautiful is ")
    assert len(written) == 20
    assert set(written) <= set(example.text())
