"""Makes the pictures of this folder with Pillow, and beside each what Pillow reads from it, as NAME.want.png: turned as
Exif says, over white, RGB or gray. Run here: python make.py"""
import numpy as np
from PIL import Image, ImageOps

H, W = 20, 28
y, x = np.mgrid[0:H, 0:W]
rgb = np.stack([x * 9, y * 12, 255 - x * 4 - y * 4], axis=-1).astype(np.uint8)
alpha = np.where((x - 14) ** 2 + (y - 10) ** 2 < 60, 255, np.where(x < 6, 0, 128)).astype(np.uint8)
colour = Image.fromarray(rgb)
gray = colour.convert("L")
clear = Image.fromarray(np.dstack([rgb, alpha]))
cut = Image.fromarray(np.dstack([rgb, np.where(alpha > 200, 255, 0).astype(np.uint8)]))
turned = Image.Exif()
turned[274] = 6


def keep(name, picture, **how):
    picture.save(name, **how)
    im = ImageOps.exif_transpose(Image.open(name))
    if im.mode in ("P", "RGBA"):
        im = im.convert("RGBA")
        im = Image.alpha_composite(Image.new("RGBA", im.size, "white"), im)
    if im.mode != "L":
        im = im.convert("RGB")
    im.save(name + ".want.png", optimize=True)


keep("colour.jpg", colour, quality=90)
keep("progressive.jpg", colour, quality=85, progressive=True)
keep("gray.jpg", gray, quality=90)
keep("inks.jpg", colour.convert("CMYK"), quality=95)
keep("turned.jpg", colour, quality=90, exif=turned)
keep("turned.png", colour, exif=turned)
keep("lossy.webp", clear, quality=90)
keep("lossless.webp", clear, lossless=True)
keep("turned.webp", colour, lossless=True, exif=turned)
keep("still.gif", colour.quantize(32), interlace=1)
keep("moving.gif", cut, save_all=True, append_images=[cut.rotate(180)], interlace=0)
