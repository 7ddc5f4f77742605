"""Le coût compté : la bonne valeur en forme close, sur de tout petits réseaux."""

import pytest
import torch
from torch import nn

from course_utils.adapters import regressor
from course_utils.data import Images
from course_utils.inference import Teacher, best_device, place
from course_utils.models import mlp, resnet
from course_utils.objectives import Hint, Hinton, Supervised
from course_utils.training import fit
from course_utils.training_cost import kept_for_gradient, training_macs

D, H, C = 64, 7, 3  # pixels, unités cachées, classes
FLOAT, INT = 4, 8  # octets


def toy(n=48):
    generator = torch.Generator().manual_seed(0)
    pixels = torch.randint(0, 256, (n, 1, 8, 8), dtype=torch.uint8, generator=generator)
    return Images(pixels, torch.arange(n) % C, torch.arange(n), ("a", "b", "c"), (0.4,), (0.2,))


def trainer(hidden, objective=Supervised, epochs=1):
    """Un apprentissage neuf à chaque appel : l'enseignant, s'il y en a un, n'a encore rien répondu."""
    return lambda few: fit(
        mlp(hidden, inputs=D, classes=C), few, objective(), epochs=epochs, batch_size=16, progress=False
    )


def taught():
    return Hinton(Teacher(mlp((11,), inputs=D, classes=C, seed=1)))


# --- Le calcul ---


def test_a_linear_layer_costs_its_forward_and_the_gradient_of_its_weights():
    """L'image n'a pas de gradient : deux produits de D × C par image, et non trois."""
    assert training_macs(trainer(()), toy(16), 16) == 16 * 2 * D * C


def test_a_second_layer_costs_a_third_product_the_gradient_of_its_input():
    assert training_macs(trainer((H,)), toy(16), 16) == 16 * (2 * D * H + 3 * H * C)


@pytest.mark.parametrize("objective", [Supervised, taught])
@pytest.mark.parametrize("count", [16, 32, 40, 48])
def test_the_cost_is_proportional_to_the_images(objective, count):
    one = training_macs(trainer((H,), objective), toy(16), 16)
    assert training_macs(trainer((H,), objective), toy(count), 16) == one * count // 16


@pytest.mark.parametrize("epochs", [1, 2, 5])
def test_the_teacher_answers_once_per_image_however_many_epochs(epochs):
    alone, helped = (training_macs(trainer((H,), o, epochs), toy(), 16) for o in (Supervised, taught))
    assert alone == epochs * 48 * (2 * D * H + 3 * H * C)
    assert helped - alone == 48 * (D * 11 + 11 * C)


def test_less_than_a_batch_is_refused():
    with pytest.raises(ValueError, match=r"Il y a 15 images pour des lots de 16.*donnez au moins un lot\."):
        training_macs(trainer(()), toy(15), 16)


# --- La mémoire ---


def batch(n=10):
    return toy().batch(torch.arange(n), best_device())


def kept(objective, student, n=10):
    place(student, best_device())
    return kept_for_gradient(objective, student, batch(n))


def cross_entropy_keeps(n):
    """Les logarithmes des probabilités, les labels, et un scalaire : le nombre d'exemples."""
    return n * C * FLOAT + n * INT + FLOAT


@pytest.mark.parametrize("n", [1, 10, 32])
def test_a_linear_and_relu_network_keeps_its_input_and_its_hidden_layer_once(n):
    """La sortie de la ReLU sert deux fois, à son propre gradient et à la couche suivante : comptée une fois."""
    student = nn.Sequential(nn.Flatten(), nn.Linear(D, H), nn.ReLU(), nn.Linear(H, C))
    assert kept(Supervised(), student, n) == FLOAT * n * (D + H) + cross_entropy_keeps(n)


def test_weights_are_not_counted_however_large():
    small, large = (nn.Sequential(nn.Flatten(), nn.Linear(D, h), nn.Linear(h, C)) for h in (1, 1001))
    assert kept(Supervised(), large) - kept(Supervised(), small) == 10 * 1000 * FLOAT


def test_a_frozen_first_layer_keeps_nothing():
    student = nn.Sequential(nn.Flatten(), nn.Linear(D, H), nn.Linear(H, C))
    student[1].requires_grad_(False)
    assert kept(Supervised(), student) == FLOAT * 10 * H + cross_entropy_keeps(10)


def test_a_regressor_keeps_its_input_not_its_weights():
    teacher, student = Teacher(mlp((900,), inputs=D, classes=C, seed=1)), mlp((H,), inputs=D, classes=C)
    objective = Hint(teacher, regressor((H,), (900,)), guided=1, hint=1)
    gap = 10 * 900 * FLOAT  # la différence, que la moyenne des carrés garde
    assert kept(objective, student) == FLOAT * 10 * (D + H) + gap


def test_counting_memory_leaves_no_gradient_and_the_same_weights():
    student = resnet(8, width=4, classes=C)
    before = [p.clone() for p in student.parameters()]
    kept(taught(), student)
    assert all(p.grad is None for p in student.parameters())
    assert all(torch.equal(p.cpu(), b) for p, b in zip(student.parameters(), before, strict=True))
