"""A database with the sample catalogue."""

import asyncio

import asyncpg

from service.sample.loader import load


def create(admin_url: str, products: int) -> str:
    """The URL of a new database with so many products and three times as many items."""
    return asyncio.run(_create(admin_url, f"catalogue_{products}", products))


async def _create(admin_url: str, name: str, products: int) -> str:
    url = await create_database(admin_url, name)
    connection = await asyncpg.connect(url)
    try:
        await load(connection, password_hash="-", products=products)
    finally:
        await connection.close()
    return url


async def create_database(admin_url: str, name: str) -> str:
    """The URL of a new database, migrated as the template is."""
    admin = await asyncpg.connect(admin_url)
    try:
        await admin.execute(f"CREATE DATABASE {name}")
    finally:
        await admin.close()
    return f"{admin_url.rpartition('/')[0]}/{name}"
