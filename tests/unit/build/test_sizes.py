import pytest

from boxship.build.sizes import check_budgets, image_size, own_bytes, shared_layers
from boxship.engine.port import HistoryItem, ImageHistory
from boxship.errors import BuildError
from boxship.spec.model_build import Budget
from boxship.where import Where

NO_FILES = "sha256:5f70bf18a086007016e948b04aed3b82103a36bea41755b6cddfaf10ace3c6ef"
BASE = HistoryItem("/bin/sh -c #(nop) ADD file:12 in / ", 80 * 1024**2)
LABEL = HistoryItem("/bin/sh -c #(nop)  LABEL a=b", 0)
WEB = HistoryItem("/bin/sh -c apt-get install web", 30 * 1024**2)
WORKER = HistoryItem("RUN /bin/sh -c make worker # buildkit", 5 * 1024**2)


def history(*items: HistoryItem, diff_ids: tuple[str, ...]) -> ImageHistory:
    return ImageHistory("sha256:1", sum(item.size_bytes for item in items), items, diff_ids)


IMAGES = (
    image_size("web", "shop/web:1", history(BASE, LABEL, WEB, diff_ids=("b", "w"))),
    image_size("worker", "shop/worker:1", history(BASE, WORKER, diff_ids=("b", NO_FILES, "k"))),
)


def test_layers_with_equal_digests_are_shared() -> None:
    shared = [(each.layer.size_bytes // 1024**2, each.names, each.layer.made_by) for each in shared_layers(IMAGES)]
    assert shared == [
        (80, ("web", "worker"), "ADD file:12 in /"),
        (30, ("web",), "RUN apt-get install web"),
        (5, ("worker",), "RUN make worker"),
    ]
    assert [own_bytes(image, IMAGES) // 1024**2 for image in IMAGES] == [30, 5]


def test_equal_steps_over_other_layers_are_not_shared() -> None:
    other = image_size("other", "shop/other:1", history(BASE, WEB, diff_ids=("x", "w")))
    assert own_bytes(other, (*IMAGES, other)) == other.size_bytes


def test_where_folders_make_layers_the_steps_stand_in_for_digests() -> None:
    folder = HistoryItem("/bin/sh -c #(nop) WORKDIR /srv", 0)
    one = image_size("one", "one:1", history(BASE, folder, WEB, diff_ids=("b", "f", "w")))
    other = image_size("other", "other:1", history(BASE, folder, WORKER, diff_ids=("b", "f", "k")))
    assert own_bytes(one, (one, other)) == WEB.size_bytes


def test_an_image_over_its_budget_fails_with_its_largest_layers() -> None:
    budgets = {"web": Budget(100 * 1024**2, Where("appliance.yaml", 9, 5)), "worker": Budget(100 * 1024**2)}
    with pytest.raises(BuildError) as caught:
        check_budgets(IMAGES, budgets)
    assert caught.value.message == (
        "appliance.yaml:9:5: build.budget.web: shop/web:1 takes 110 MiB, 10 MiB more than 100 MiB"
    )
    assert caught.value.output == ("web: 80 MiB by ADD file:12 in /", "web: 30 MiB by RUN apt-get install web")
    check_budgets(IMAGES, {"web": Budget(110 * 1024**2)})


def test_several_images_over_their_budgets_are_told_together() -> None:
    with pytest.raises(BuildError, match=r"^2 images are too large:\n- build.budget.web: .*\n- build.budget.worker: "):
        check_budgets(IMAGES, {"web": Budget(1), "worker": Budget(1)})
