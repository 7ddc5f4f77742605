"""Les images inventées : ce qu'elles regardent, ce qu'elles laissent intact, l'écart des BatchNorm en forme close."""

import pytest
import torch
from torch import nn

from course_utils.data import Images
from course_utils.data_free import bright_spots, invent_images, roughness, statistics_gap
from course_utils.models import mlp, resnet
from course_utils.training import Teacher

CLASSES = ("a", "b", "c")


def pictures(fill: int) -> Images:
    """Deux images unies, de 16 × 16 : seuls leur forme, leur échelle et leurs classes doivent compter."""
    pixels = torch.full((2, 1, 16, 16), fill, dtype=torch.uint8)
    return Images(pixels, torch.zeros(2, dtype=torch.int64), torch.arange(2), CLASSES, (0.25,), (0.5,))


def small_teacher() -> Teacher:
    """Un réseau sans apprentissage, mais dont les BatchNorm ont vu des damiers flous."""
    network = resnet(8, width=4, classes=len(CLASSES), seed=1)
    generator = torch.Generator().manual_seed(2)
    with torch.no_grad():
        for _ in range(30):
            network(nn.functional.interpolate(torch.randn(32, 1, 4, 4, generator=generator), size=16, mode="bilinear"))
    return Teacher(network)


def gap_of(teacher: Teacher, images: Images) -> float:
    with statistics_gap(teacher.model) as gaps, torch.no_grad():
        teacher.model(images.batch(torch.arange(len(images)), torch.device("cpu")).x)
    return torch.stack(gaps).mean().item()


def test_the_gap_is_the_one_of_its_formula() -> None:
    norm = nn.BatchNorm2d(2, eps=0.0).eval()
    assert norm.running_mean is not None and norm.running_var is not None
    norm.running_mean.copy_(torch.tensor([1.0, 0.0]))
    norm.running_var.copy_(torch.tensor([4.0, 1.0]))
    # canal 0 : moyenne 3, variance 4 ; canal 1 : moyenne 0, variance 4 (variances sans biais, de deux valeurs)
    x = torch.tensor([[3 - 2**0.5, -(2**0.5)], [3 + 2**0.5, 2**0.5]]).view(2, 2, 1, 1)
    with statistics_gap(norm) as gaps:
        norm(x)
    assert [gap.item() for gap in gaps] == pytest.approx([((4 / 4 + 0) + (0 + (4 / 1 - 1) ** 2)) / 2])


def test_what_a_batchnorm_kept_has_no_gap() -> None:
    norm, x = nn.BatchNorm2d(3, momentum=1.0), torch.randn(8, 3, 4, 4, generator=torch.Generator().manual_seed(0))
    norm(x)  # momentum 1 : elle ne retient que ce lot
    with statistics_gap(norm.eval()) as gaps:
        norm(x)
    assert gaps[0].item() < 1e-8


def test_the_watch_stops_with_the_block() -> None:
    model = resnet(8, width=4).eval()
    with statistics_gap(model) as gaps:
        pass
    model(torch.zeros(2, 1, 8, 8))
    assert gaps == []


def test_it_brings_the_statistics_closer_and_shows_every_class() -> None:
    teacher = small_teacher()
    start, found = (invent_images(teacher, pictures(0), 12, steps=steps) for steps in (0, 40))
    assert gap_of(teacher, found) < 0.5 * gap_of(teacher, start)
    assert found.y.bincount().tolist() == [4, 4, 4]
    assert found.pixels.shape == (12, 1, 16, 16) and found.pixels.dtype == torch.uint8


def test_no_pixel_of_the_real_images_is_read() -> None:
    dark, bright = (invent_images(small_teacher(), pictures(fill), 6, steps=3).pixels for fill in (0, 255))
    assert torch.equal(dark, bright)


def test_the_same_seed_invents_the_same_images_and_another_does_not() -> None:
    one, two, other = (invent_images(small_teacher(), pictures(0), 6, steps=3, seed=s).pixels for s in (0, 0, 1))
    assert torch.equal(one, two) and not torch.equal(one, other)


def test_the_teacher_and_the_global_randomness_are_left_as_they_were() -> None:
    teacher = small_teacher()
    before = {name: value.clone() for name, value in teacher.model.state_dict().items()}
    torch.manual_seed(7)
    expected = torch.rand(3)
    torch.manual_seed(7)
    invent_images(teacher, pictures(0), 6, steps=3)
    assert torch.equal(torch.rand(3), expected)
    assert all(torch.equal(value, before[name]) for name, value in teacher.model.state_dict().items())
    assert all(parameter.grad is None for parameter in teacher.model.parameters())


def test_a_teacher_put_back_to_learning_does_not_move() -> None:
    teacher = small_teacher()
    expected = invent_images(teacher, pictures(0), 6, steps=2).pixels
    teacher.model.train()  # un appelant distrait
    before = {name: value.clone() for name, value in teacher.state_dict().items()}
    assert torch.equal(invent_images(teacher, pictures(0), 6, steps=2).pixels, expected)
    assert all(torch.equal(value, before[name]) for name, value in teacher.state_dict().items())


def test_spots_are_bright_in_the_middle_of_black() -> None:
    spots = bright_spots(50, (3, 28, 20), torch.Generator().manual_seed(0)).sigmoid()
    assert spots.shape == (50, 3, 28, 20)
    assert spots[:, :, 13:15, 9:11].mean() > 0.6 and spots[:, :, 0].mean() < 0.1


def test_roughness_of_a_flat_image_is_zero_and_of_a_step_is_known() -> None:
    flat = torch.full((1, 1, 4, 4), 0.3)
    step = torch.cat([torch.zeros(1, 1, 4, 2), torch.ones(1, 1, 4, 2)], dim=3)
    assert roughness(flat) == 0 and roughness(step).item() == pytest.approx(1 / 3)


def test_a_single_image_is_refused() -> None:
    with pytest.raises(ValueError, match=r"count vaut 1\s: donnez un entier de 2 à"):
        invent_images(small_teacher(), pictures(0), 1)


def test_a_network_without_batchnorm_is_refused() -> None:
    with pytest.raises(ValueError, match="aucune BatchNorm"):
        invent_images(Teacher(mlp((8,), inputs=256, classes=3)), pictures(0), 4)
