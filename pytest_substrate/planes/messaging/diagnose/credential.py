"""MSG-010 and MSG-020: the secret that MSK takes a SCRAM user from, and its association with the cluster. Pure.

What MSK demands of such a secret is from its documentation ("Sign-in credentials authentication with AWS Secrets
Manager"): a name that begins with `AmazonMSK_`, a customer-managed symmetric key, the cluster's account and region.
"""

from __future__ import annotations

from typing import Final

from pytest_substrate.model.aws import kafka, secrets
from pytest_substrate.model.aws.instant import text_of
from pytest_substrate.model.diagnosis import Diagnosis, inconclusive, passed, violated
from pytest_substrate.model.facts import FactValue, admitted
from pytest_substrate.model.observation import Missing, Unobserved
from pytest_substrate.model.unseen import unseen

PREFIX: Final = "AmazonMSK_"

Secret = secrets.SecretState | Missing | Unobserved
Key = secrets.KeyState | Missing | Unobserved


def diagnose_secret(secret: Secret, key: Key | None, *, name: str, account: str, region: str) -> Diagnosis:
    """Whether the secret can be a SCRAM user's: present, current, well named, at home, under a customer's key.

    `key` is the one behind the secret's `customer_key_id`, None where the secret names none. What is proven wrong
    about the secret is said before a key that could not be read.
    """
    if isinstance(secret, Unobserved):
        return unseen(secret, f"the secret {name}")
    if isinstance(secret, Missing):
        return violated("secret-missing", f"Secrets Manager has no secret {name} in {region}", secret_name=name)
    current = secret.current
    facts: dict[str, FactValue] = {
        "secret_arn": secret.arn,
        "version_id": admitted("version_id", current.version_id) if current else None,
        "created_at": text_of(current.created) if current else None,
    }
    wrong = _unusable(secret, region=region) or _unfit(secret, account=account, region=region)
    return (wrong or _diagnose_key(key, name=name)).with_facts(facts)


def _unusable(secret: secrets.SecretState, *, region: str) -> Diagnosis | None:
    """Why nobody can get a value from it."""
    if secret.deleted is not None:
        return violated(
            "secret-scheduled-for-deletion",
            f"the secret {secret.name} is scheduled for deletion since {secret.deleted.text()}",
            next=f"aws secretsmanager restore-secret --secret-id {secret.name} --region {region}",
            changed_at=secret.deleted.text(),
        )
    if secret.current is None:
        return violated("no-current-version", f"no version of the secret {secret.name} is AWSCURRENT")
    return None


def _unfit(secret: secrets.SecretState, *, account: str, region: str) -> Diagnosis | None:
    """Why MSK would not take a user from it, whatever it holds."""
    if not secret.name.startswith(PREFIX):
        return violated("name-without-prefix", f"the secret's name {secret.name} does not begin with {PREFIX}")
    _, _, _, home, owner, _ = secret.arn.split(":", 5)
    if (owner, home) != (account, region):
        return violated("foreign-secret", f"the secret lies in {owner}/{home}, the cluster in {account}/{region}")
    return None


def _diagnose_key(key: Key | None, *, name: str) -> Diagnosis:
    if isinstance(key, Unobserved):
        return unseen(key, f"the key of the secret {name}")
    if key is None:
        return violated("aws-managed-key", f"the secret {name} lies under a key of AWS, by default aws/secretsmanager")
    if isinstance(key, Missing):
        return violated("key-missing", f"KMS does not have the key of the secret {name}")
    if key.manager != secrets.CUSTOMER:
        found = violated("aws-managed-key", f"the key of the secret {name} is managed by {key.manager}")
    elif (key.spec, key.usage) != (secrets.SYMMETRIC, secrets.ENCRYPTS):
        found = violated("key-not-symmetric", f"the key of the secret {name} is {key.spec} for {key.usage}")
    elif key.state != secrets.ENABLED:
        found = violated("key-not-enabled", f"the key of the secret {name} is {key.state}")
    else:
        found = passed(f"the secret {name} has a current version under an enabled customer key")
    return found.with_facts(
        {
            "key_arn": key.arn,
            "key_manager": key.manager,
            "key_spec": key.spec,
            "key_usage": key.usage,
            "state": key.state,
        }
    )


def diagnose_association(
    secret: Secret, associations: kafka.ScramAssociations | Missing | Unobserved, *, name: str, cluster_arn: str
) -> Diagnosis:
    """Whether the cluster takes a SCRAM user from this very secret, by its whole ARN."""
    if isinstance(secret, Unobserved):
        return unseen(secret, f"the secret {name}")
    if isinstance(secret, Missing):
        return inconclusive("secret-missing", f"there is no secret {name} to look for", secret_name=name)
    if isinstance(associations, Unobserved):
        return unseen(associations, "the cluster's list of SCRAM secrets")
    if isinstance(associations, Missing):
        return inconclusive("cluster-missing", "there is no cluster to look at", cluster_arn=cluster_arn)
    facts: dict[str, FactValue] = {
        "secret_arn": secret.arn,
        "cluster_arn": cluster_arn,
        "total": len(associations.secret_arns),
    }
    if secret.arn in associations.secret_arns:
        return passed(f"the secret {name} is associated with the cluster").with_facts(facts)
    return _not_associated(secret, associations, cluster_arn=cluster_arn).with_facts(facts)


def _not_associated(
    secret: secrets.SecretState, associations: kafka.ScramAssociations, *, cluster_arn: str
) -> Diagnosis:
    region = cluster_arn.split(":")[3]
    associate = (
        f"aws kafka batch-associate-scram-secret --cluster-arn {cluster_arn} --secret-arn-list {secret.arn}"
        f" --region {region}"
    )
    earlier = next((arn for arn in associations.secret_arns if _unsuffixed(arn) == _unsuffixed(secret.arn)), None)
    if earlier is not None:
        return violated(
            "predecessor-associated",
            f"the cluster lists an earlier secret {secret.name}, which was deleted and made anew",
            next=associate,
            secret_arn=earlier,
            expected_arn=secret.arn,
        )
    total = len(associations.secret_arns)
    return violated(
        "not-associated", f"the secret {secret.name} is not among the {total} that the cluster lists", next=associate
    )


def _unsuffixed(arn: str) -> str:
    """The ARN without the hyphen and six characters that Secrets Manager adds to a name."""
    return arn[:-7]
