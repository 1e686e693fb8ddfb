"""What a product registry is deployed with. (SPEC PV-2)"""

from __future__ import annotations

from handfast.protocol.constants import ProductOrigin
from tests.chain import reverts

MOST = 2**32 - 1


def test_a_challenge_period_that_does_not_end_is_refused(deployer, hub, ProductRegistry):
    with reverts("ChallengePeriodTooLong", MOST + 1, MOST):
        deployer.deploy(ProductRegistry, hub, MOST + 1)


def test_the_longest_challenge_period_fits_the_record(deployer, hub, ProductRegistry):
    products = deployer.deploy(ProductRegistry, hub, MOST)
    transaction = products.register(bytes([7] * 32), 0x55, {"from": deployer})
    record = products.productOf(bytes([7] * 32))
    assert record[2] == transaction.block_number + MOST
    assert (record[0], record[3], record[4]) == (deployer.address, 0x55, ProductOrigin.REGISTERED)
