"""La pratique courante, telle que l'écrivent les tutoriels : c'est à elle que le cours est comparé.

Une image à la fois, ouverte par Pillow et passée par les transformations de torchvision ; un DataLoader ; l'enseignant
exécuté à chaque pas ; Adam, et `.item()` à chaque pas pour suivre la perte. Le pas d'Adam suit la même courbe que celui
du cours, pour que les deux façons apprennent la même chose.
"""

import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset
from torchvision import transforms

from course_utils.data import Images
from course_utils.inference import best_device
from course_utils.training import learning_rate_factor


class Pictures(Dataset[tuple[Tensor, int]]):
    """Comme torchvision.datasets.FashionMNIST : chaque image est ouverte par Pillow, puis transformée."""

    def __init__(self, images: Images) -> None:
        self.pixels, self.labels = images.x.squeeze(1), images.y
        self.transform = transforms.Compose([transforms.ToTensor(), transforms.Normalize(images.mean, images.std)])

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        return self.transform(Image.fromarray(self.pixels[index].numpy())), int(self.labels[index])


def loader(images: Images, *, workers: int, batch_size: int = 128, seed: int = 0) -> DataLoader[tuple[Tensor, int]]:
    """Les lots mélangés que préparent `workers` processus auxiliaires (0 : le processus même qui apprend)."""
    order = torch.Generator().manual_seed(seed)
    return DataLoader(Pictures(images), batch_size, shuffle=True, num_workers=workers, generator=order)


def distillation_loss(student_logits: Tensor, teacher_logits: Tensor, labels: Tensor, temperature: float) -> Tensor:
    """H(y, P_S) + T² · KL(P_T ‖ P_S), avec les pertes de torch."""
    soft = nn.KLDivLoss(reduction="batchmean")(
        F.log_softmax(student_logits / temperature, dim=1), F.softmax(teacher_logits / temperature, dim=1)
    )
    return F.cross_entropy(student_logits, labels) + temperature**2 * soft


def distil(
    student: nn.Module,
    teacher: nn.Module,
    batches: DataLoader[tuple[Tensor, int]],
    *,
    epochs: int,
    lr: float = 1e-3,
    temperature: float = 4.0,
) -> list[float]:
    """Entraîne `student` sur place ; rend la perte moyenne de chaque époque."""
    device = best_device()
    student.to(device).train()
    teacher.to(device).eval()
    optimizer = torch.optim.Adam(student.parameters(), lr=lr)
    steps = epochs * len(batches)
    scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: learning_rate_factor(step / steps))
    losses = []
    for _ in range(epochs):
        running_loss = 0.0
        for images, labels in batches:
            images, labels = images.to(device), labels.to(device)
            optimizer.zero_grad()
            with torch.no_grad():
                teacher_logits = teacher(images)
            loss = distillation_loss(student(images), teacher_logits, labels, temperature)
            loss.backward()
            optimizer.step()
            scheduler.step()
            running_loss += loss.item()
        losses.append(running_loss / len(batches))
    student.eval()
    return losses


def rkd_angle_loss(student: Tensor, teacher: Tensor) -> Tensor:
    """RKD, angles, comme on l'écrit partout : toutes les arêtes (N×N×D), puis tous les cosinus (N×N×N)."""

    def cosines(x: Tensor) -> Tensor:
        edges = F.normalize(x[None, :, :] - x[:, None, :], dim=2)
        return torch.bmm(edges, edges.transpose(1, 2))

    with torch.no_grad():
        teacher_cosines = cosines(teacher)
    return F.smooth_l1_loss(cosines(student), teacher_cosines)
