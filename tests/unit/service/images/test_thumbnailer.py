import re
from io import BytesIO

import pytest
from PIL import Image, ImageCms

from service.images.thumbnailer import MAX_PIXELS, Unusable, thumbnails
from tests.unit.service.images.pictures import BLUE, RED, encoded, huge_png, picture

SIZES = (128, 320, 640)
ORIENTATION = 0x0112


def opened(thumbnail: bytes) -> Image.Image:
    image = Image.open(BytesIO(thumbnail))
    image.load()
    return image


def made(original: bytes, form: str) -> dict[int, Image.Image]:
    return {size: opened(image) for size, image in thumbnails(original, form, SIZES).items()}


def is_like(pixel: object, colour: tuple[int, int, int]) -> bool:
    assert isinstance(pixel, tuple)
    return all(abs(found - wanted) < 16 for found, wanted in zip(pixel, colour, strict=False))


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP"])
def test_thumbnails_are_webp_that_fit_into_their_squares_and_look_like_the_original(form: str) -> None:
    images = made(encoded(picture(1800, 900), form), form)
    assert {size: image.size for size, image in images.items()} == {
        128: (128, 64),
        320: (320, 160),
        640: (640, 320),
    }
    for image in images.values():
        assert image.format == "WEBP"
        assert is_like(image.getpixel((5, image.height // 2)), RED)
        assert is_like(image.getpixel((image.width - 5, image.height // 2)), BLUE)


def test_a_small_image_is_not_enlarged() -> None:
    images = made(encoded(picture(200, 100), "PNG"), "PNG")
    assert [images[size].size for size in SIZES] == [(128, 64), (200, 100), (200, 100)]


def test_a_line_of_one_pixel_stays_one() -> None:
    assert made(encoded(picture(5000, 1), "PNG"), "PNG")[128].size == (128, 1)


# What a camera that was turned says, and how the stored picture lies (EXIF 2.32, 4.6.4 A).
@pytest.mark.parametrize(
    ("orientation", "turned"),
    [(3, Image.Transpose.ROTATE_180), (6, Image.Transpose.ROTATE_90), (8, Image.Transpose.ROTATE_270)],
)
@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP"])
def test_an_image_is_shown_upright_whichever_way_the_camera_was_turned(
    form: str, orientation: int, turned: Image.Transpose
) -> None:
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    image = made(encoded(picture(800, 400).transpose(turned), form, exif=exif), form)[320]
    assert image.size == (320, 160)
    assert is_like(image.getpixel((5, 80)), RED)
    assert is_like(image.getpixel((315, 80)), BLUE)
    assert ORIENTATION not in image.getexif()


def test_what_a_file_says_besides_its_pixels_is_left_out() -> None:
    exif = Image.Exif()
    exif[0x010F] = "Secretive Cameras"
    exif.get_ifd(0x8825)[1] = "N"
    options = {"exif": exif, "xmp": b"<secret/>", "comment": b"a secret"}
    for thumbnail in thumbnails(encoded(picture(), "JPEG", **options), "JPEG", SIZES).values():
        assert b"ecret" not in thumbnail
        assert not opened(thumbnail).getexif()


@pytest.mark.parametrize("mode", ["1", "L", "P", "RGB", "I;16"])
def test_every_kind_of_pixel_can_be_shown(mode: str) -> None:
    source = Image.new("I;16", (300, 300), 40_000) if mode == "I;16" else picture(300, 300, mode=mode)
    image = made(encoded(source, "PNG"), "PNG")[128]
    assert (image.mode, image.size) == ("RGB", (128, 128))
    middle = image.getpixel((64, 64))
    assert isinstance(middle, tuple)
    assert max(middle) > 20


@pytest.mark.parametrize("mode", ["RGBA", "LA", "PA"])
def test_what_is_transparent_stays_so(mode: str) -> None:
    source = Image.new("RGBA", (300, 300), (*RED, 0)).convert("LA" if mode == "LA" else "RGBA")
    image = made(encoded(source.quantize() if mode == "PA" else source, "PNG"), "PNG")[128]
    corner = image.getpixel((0, 0))
    assert isinstance(corner, tuple)
    assert corner[3] == 0


def test_a_colour_that_stands_for_transparency_becomes_transparent() -> None:
    image = made(encoded(picture(600, 600), "PNG", transparency=RED), "PNG")[128]
    left, right = image.getpixel((10, 64)), image.getpixel((118, 64))
    assert isinstance(left, tuple)
    assert isinstance(right, tuple)
    assert (left[3], right[3]) == (0, 255)


def test_an_image_for_printers_is_shown_in_the_colours_of_screens() -> None:
    image = made(encoded(picture(mode="CMYK"), "JPEG"), "JPEG")[320]
    assert image.mode == "RGB"
    assert is_like(image.getpixel((5, 100)), RED)


def test_colours_are_those_that_the_profile_of_the_file_means() -> None:
    swapped = {b"rXYZ": b"bXYZ", b"bXYZ": b"rXYZ"}
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    profile = re.sub(b"[rb]XYZ", lambda tag: swapped[tag[0]], profile)
    image = made(encoded(picture(), "PNG", icc_profile=profile), "PNG")[320]
    assert is_like(image.getpixel((5, 100)), (RED[2], RED[1], RED[0]))
    assert "icc_profile" not in image.info


def test_a_profile_that_nobody_understands_is_ignored() -> None:
    image = made(encoded(picture(), "PNG", icc_profile=b"nonsense"), "PNG")[320]
    assert is_like(image.getpixel((5, 100)), RED)


def test_of_an_animation_the_first_picture_is_shown() -> None:
    original = encoded(picture(), "WEBP", save_all=True, append_images=[Image.new("RGB", (900, 600))])
    image = made(original, "WEBP")[320]
    assert not getattr(image, "is_animated", False)
    assert is_like(image.getpixel((5, 100)), RED)


def refused(original: bytes, form: str) -> str:
    with pytest.raises(Unusable) as caught:
        thumbnails(original, form, SIZES)
    return str(caught.value)


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP"])
def test_an_image_that_ends_too_early_is_refused(form: str) -> None:
    whole = encoded(Image.effect_noise((900, 600), 80).convert("RGB"), form)
    assert refused(whole[: len(whole) // 2], form)


@pytest.mark.parametrize("sent_as", ["JPEG", "PNG", "WEBP"])
def test_what_is_no_image_of_the_kind_it_was_sent_as_is_refused(sent_as: str) -> None:
    for form in {"JPEG", "PNG", "WEBP", "GIF", "TIFF", "BMP", "ICO", "PPM"} - {sent_as}:
        assert refused(encoded(picture(64, 64), form), sent_as) == (
            f"It was sent as {sent_as}, but cannot be read as that"
        )
    assert sent_as in refused(b"<svg/>", sent_as)


@pytest.mark.parametrize(
    ("width", "height"), [(MAX_PIXELS // 2 + 1, 2), (30_000, 30_000), (2**31 - 1, 2**31 - 1)]
)
def test_an_image_with_too_many_pixels_is_refused_before_it_is_decoded(width: int, height: int) -> None:
    assert refused(huge_png(width, height), "PNG") == "It has more than 50,000,000 pixels"
