"""A database with the sample catalogue."""

import asyncio

import asyncpg

from service.sample.loader import load


def create(admin_url: str, products: int) -> str:
    """The URL of a new database with so many products and three times as many items."""
    return asyncio.run(_create(admin_url, f"catalogue_{products}", products))


async def _create(admin_url: str, name: str, products: int) -> str:
    url = f"{admin_url.rpartition('/')[0]}/{name}"
    admin = await asyncpg.connect(admin_url)
    try:
        await admin.execute(f"CREATE DATABASE {name}")
    finally:
        await admin.close()
    connection = await asyncpg.connect(url)
    try:
        await load(connection, password_hash="-", products=products)
    finally:
        await connection.close()
    return url
