"""Networks that are given weights: where `init` begins, what files say of it, and where published weights come from."""

import hashlib
import io
import urllib.request

import jax
import numpy as np
import pytest

import fkeras as fk
from fkeras.applications._weights._files import Choice, published
from fkeras.applications._weights._start import starting_from

SMALL = {"input_shape": (32, 32, 3), "classes": 4, "alpha": 0.1}


def equal(first, second):
    return jax.tree.structure(first) == jax.tree.structure(second) and all(
        np.array_equal(a, b) for a, b in zip(jax.tree.leaves(first), jax.tree.leaves(second), strict=True)
    )


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A network, variables that no initializer makes, and files of them."""
    place = tmp_path_factory.mktemp("trained")
    model = fk.applications.MobileNet(weights=None, **SMALL)
    start = model.abstract_variables()
    leaves, treedef = jax.tree.flatten(start)
    generator = np.random.default_rng(0)
    variables = treedef.unflatten([generator.uniform(0.1, 1, leaf.shape).astype("float32") for leaf in leaves])
    for suffix in (".weights.h5", ".safetensors"):
        model.save_weights(f"{place}/w{suffix}", variables)
    model.save(f"{place}/w.keras", variables)
    return model, variables, place


@pytest.fixture(scope="module")
def given(trained):
    """The network that begins with the file."""
    return fk.applications.MobileNet(weights=f"{trained[2]}/w.weights.h5", **SMALL)


@pytest.mark.parametrize("suffix", [".weights.h5", ".keras", ".safetensors"])
def test_init_returns_the_weights_of_the_file(trained, suffix):
    _, variables, place = trained
    model = fk.applications.MobileNet(weights=place / f"w{suffix}", **SMALL)
    found = model.init(jax.random.key(7))
    assert equal(found, variables)
    assert all(isinstance(leaf, jax.Array) for leaf in jax.tree.leaves(found))


def test_a_model_around_it_begins_with_them_too(trained, given):
    _, variables, _ = trained
    inputs = fk.Input((32, 32, 3))
    model = fk.Model(inputs, fk.nn.Dense(2, name="head")(given(inputs)))
    for changed in (model, model.freeze(given.name)):
        found = changed.init(0)
        assert equal(changed.variables_for(given.name, found), variables)
    assert model.init(0)["params"]["head"]["kernel"].shape == (4, 2)


def test_a_model_cut_out_of_it_begins_with_them_too(trained, given):
    _, variables, _ = trained
    cut = fk.Model(given.input, given.get_layer("conv_pw_6_relu").output)
    found = cut.init(0)
    assert found["params"]
    assert set(found["params"]) < set(variables["params"])
    assert all(equal(found["params"][name], variables["params"][name]) for name in found["params"])


def test_it_begins_with_them_on_a_tensor_that_is_given(trained):
    _, variables, place = trained
    inputs = fk.Input((32, 32, 3))
    scaled = fk.nn.Conv2D(3, 1, name="before")(fk.nn.Rescaling(1 / 255.0)(inputs))
    base = fk.applications.MobileNet(weights=f"{place}/w.weights.h5", input_tensor=scaled, classes=4, alpha=0.1)
    model = fk.Model(inputs, fk.nn.Dense(2, name="after")(base.output))
    found = model.init(0)["params"]
    assert {"before", "after"} <= set(found)
    assert all(equal(found[name], variables["params"][name]) for name in variables["params"])


def test_no_file_says_what_it_began_with(trained, given, tmp_path):
    model, variables, _ = trained
    assert given.get_config() == model.get_config()
    given.save(tmp_path / "again.keras", variables)
    again, loaded = fk.load_model(tmp_path / "again.keras")
    assert again == model
    assert equal(loaded, variables)
    assert given != model


def test_two_of_one_file_are_equal_and_share_programs(trained, given):
    again = fk.applications.MobileNet(weights=f"{trained[2]}/w.safetensors", **SMALL)
    assert again == given
    assert hash(again) == hash(given)


def test_moments_of_a_normalisation_come_from_the_file():
    mean, variance = np.float32([0.485, 0.456, 0.406]), np.float32([0.229, 0.224, 0.225]) ** 2
    weights = {("non_trainable", name): value for name, value in (("mean", mean), ("variance", variance), ("count", 7))}
    inputs = fk.Input((4, 4, 3))
    model = fk.Model(inputs, starting_from(fk.nn.Normalization(axis=3, name="scale"), weights)(inputs))
    found = model.init(0)["non_trainable"]["scale"]
    np.testing.assert_array_equal(found["mean"], mean)
    np.testing.assert_array_equal(found["variance"], variance)
    assert found["count"] == 7


def test_a_file_of_another_network_is_refused(trained):
    with pytest.raises(ValueError, match=r"conv_preds(.|\n)*other `classes`(.|\n)*MobileNet as it was saved; or with"):
        fk.applications.MobileNet(weights=f"{trained[2]}/w.weights.h5", alpha=0.1, classes=5, input_shape=(32, 32, 3))


def test_what_is_no_file_of_weights_is_said_to_be_none(tmp_path):
    (tmp_path / "w.weights.h5").write_bytes(b"<html>")
    with pytest.raises(ValueError, match=r"w\.weights\.h5") as error:
        fk.applications.MobileNet(weights=tmp_path / "w.weights.h5", **SMALL)
    assert "include_top" not in str(error.value)


def test_a_sequential_model_knows_its_sizes_from_a_network(trained, given):
    """On an input of its own, which is no list of one, and on a tensor that is given, where it is one."""
    assert given.input_shape == (None, 32, 32, 3)
    assert given.get_config()["input_layers"] == ["input_layer", 0, 0]
    on_tensor = fk.applications.MobileNet(
        weights=None, include_top=False, alpha=0.1, input_tensor=fk.Input((32, 32, 3), name="image")
    )
    assert on_tensor.input_shape == (None, 32, 32, 3)
    assert on_tensor.get_config()["input_layers"] == [["image", 0, 0]]
    model = fk.Sequential([on_tensor, fk.nn.GlobalMaxPooling2D(), fk.nn.Dense(2)])
    assert model.output_shape == (None, 2)
    model = fk.Sequential([given, fk.nn.Dense(2)])
    assert equal(model.variables_for(given.name, model.init(0)), trained[1])


# ------------------------------------------------------------------ published weights
def test_published_weights_that_are_not_there_are_an_error_with_the_line_that_downloads(tmp_path, monkeypatch):
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    with pytest.raises(FileNotFoundError, match=r"fk.applications.download\('ResNet50', include_top=False\)"):
        fk.applications.ResNet50(include_top=False)
    with pytest.raises(FileNotFoundError, match=r"download\('MobileNet', include_top=False, alpha=0.5, size=160\)"):
        fk.applications.MobileNet((160, 160, 3), alpha=0.5, include_top=False)


@pytest.mark.filterwarnings("error")
def test_download_checks_what_arrives_and_keeps_it(tmp_path, monkeypatch):
    asked = []

    def urlopen(url):
        asked.append(url)
        return io.BytesIO(content)

    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    monkeypatch.setattr(urllib.request, "urlopen", urlopen)
    content = b"weights"  # of MobileNet no digest is published
    path = fk.applications.download("MobileNet", alpha=0.25, size=128)
    assert path == tmp_path / "models" / "mobilenet_2_5_128_tf.h5"
    assert path.read_bytes() == content
    assert fk.applications.download("MobileNet", alpha=0.25, size=128) == path
    assert len(asked) == 1
    fk.applications.download("MobileNet", alpha=0.25, size=128, force=True)
    assert len(asked) == 2
    with pytest.raises(ValueError, match="not what was published"):
        fk.applications.download("VGG16")
    assert [p.name for p in path.parent.iterdir()] == [path.name], "nothing half-written is left"
    assert asked[-1].endswith("/vgg16/vgg16_weights_tf_dim_ordering_tf_kernels.h5")
    content = b"{}"
    assert hashlib.md5(content).hexdigest() != "c2c37ea517e94d9795004a39431a14cb"
    with pytest.raises(ValueError, match="not what was published"):
        fk.applications.download("imagenet_class_index")


def test_choices_without_published_weights_are_refused():
    with pytest.raises(ValueError, match="Did you mean 'ResNet50'"):
        fk.applications.download("ResNet5")
    with pytest.raises(ValueError, match="No weights of MobileNetV3Small were published"):
        published("MobileNetV3Small", Choice(alpha=0.5))
    with pytest.raises(ValueError, match=r"alpha 0\.35, 0\.5"):
        fk.applications.MobileNetV2(alpha=0.9)
