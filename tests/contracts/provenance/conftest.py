"""A product registry beside a real hub, and channels in which products were sold."""

from __future__ import annotations

import hashlib

import pytest

from handfast.crypto.merkle import MerkleTree, leaf_hash
from tests.channels import ETHER, HOUR, Channel

CHALLENGE_PERIOD = 20
RAW = 0x55
DAG_PB = 0x70


def product(name):
    """The index of a product: its content's digest."""
    return hashlib.sha256(str(name).encode()).digest()


def sold(*names):
    """The tree of products sold, in this order."""
    return MerkleTree(leaf_hash(product(name)) for name in names)


@pytest.fixture(scope="module")
def hub(deployer, ChannelHub, PreimageRegistry):
    preimages = deployer.deploy(PreimageRegistry)
    return deployer.deploy(ChannelHub, deployer, preimages, HOUR, 1_000 * HOUR)


@pytest.fixture(scope="module")
def preimages(hub, PreimageRegistry):
    return PreimageRegistry.at(hub.PREIMAGES())


@pytest.fixture(scope="module")
def products(deployer, ProductRegistry, hub):
    return deployer.deploy(ProductRegistry, hub, CHALLENGE_PERIOD)


@pytest.fixture
def channel(hub, client, provider):
    """An open channel."""
    channel = Channel(hub, client, provider)
    channel.open(10 * ETHER)
    return channel


@pytest.fixture
def closed(channel, provider):
    """A channel in which the products "one", "two" and "three" were sold."""
    channel.close(3, provider, sold("one", "two", "three").root)
    return channel


@pytest.fixture
def claim(products, closed):
    """Claim one of the three products by the closed channel."""

    def claim(name, by, codec=RAW):
        position = ("one", "two", "three").index(name)
        path = sold("one", "two", "three").path(position)
        call = (closed.parameters, product(name), codec, position, path)
        return products.claim(*call, {"from": by})

    return claim
