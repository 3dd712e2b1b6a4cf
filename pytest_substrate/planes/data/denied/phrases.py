"""What services and SDKs say of a refusal without a code: sentences of their own, each known."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from pytest_substrate.planes.data.denied.codes import operation_of_frame
from pytest_substrate.planes.data.denied.exclusions import is_no_denial
from pytest_substrate.planes.data.denied.operations import operation_named, permission_for, service_of
from pytest_substrate.planes.data.denied.sentence import effect_in
from pytest_substrate.planes.data.denied.told import Told, told_of

_API_SAYS: Final = "Access Denied|You are not authorized|Not authorized|User:"
_PHRASES: Final = tuple(
    (literal, re.compile(phrase))
    for literal, phrase in (
        # EC2, API Gateway, KMS, Lake Formation, Athena, Lambda, ECS
        ("You are not auth", r"You are not authorized to perform (?:this|the requested) operation"),
        ("to access this r", r"\bUser is not authorized to access this resource"),
        ("to access this r", r"\bUser: (?P<principal>\S{1,600}) is not authorized to access this resource"),
        (
            "iphertext refers",
            r"[Tt]he ciphertext refers to a customer master key that [^\n]{0,90}not allowed to access",
        ),
        ("Lake Formation p", r"Insufficient Lake Formation permission\(s\)"),
        ("execute the query", r"Insufficient permissions to execute the query"),
        ("any privilege on", r"Principal does not have any privilege on specified resource"),
        ("denied on S3 path", r"Permission denied on S3 path: \S{1,300}"),
        ("denied when writ", r"Access denied when writing (?:output )?to (?:url|location)"),
        ("permissions to call", r"not have permissions to call (?P<call>[A-Z]\w{1,60}) on (?P<service>[A-Z]\w{1,20})"),
        ("]: 403 Forbidden", r"\.dkr\.ecr\.[\w.-]{1,80} failed with status code \[[^\]\n]{0,200}\]: 403 Forbidden"),
        ("unable to assume", r"ECS was unable to assume the role '(?P<role>arn:[^\s']{1,300})'"),
        # CloudFormation and the CDK
        ("API: ", rf"API: (?P<action>[a-z][a-z0-9-]{{1,30}}:\w{{1,60}}) (?:{_API_SAYS})"),
        ("denied for operation", r"Access denied for operation 'AWS::\w{1,60}::\w"),
        ("Service role arn", r"Service role (?P<principal>arn:\S{1,300}) does not allow"),
        # SDKs whose message has no code
        ("Exception: A", r"\bAmazon(?:\.\w{1,60}){1,6}Exception: (?:Access Denied|All access to this object has been)"),
        ("Exception: F", r"\bAmazon(?:\.\w{1,60}){1,6}Exception: Forbidden\b"),
        (
            "Error Code ",
            r"\bAmazon(?:\.\w{1,60}){1,6}Exception: Error making request with Error Code (?:Forbidden|Acc)",
        ),
        ("Exception: A", r"\b(?:com\.amazonaws|software\.amazon\.awssdk)\.[\w.]{1,80}Exception: Access Denied"),
        ("Exception: F", r"\b(?:com\.amazonaws|software\.amazon\.awssdk)\.[\w.]{1,80}Exception: Forbidden"),
        ("[code 15]", r"AWS Error \[code 15\]: Access Denied"),
        ("AWS::S3::Errors", r"(?:Access Denied|Forbidden) \(AWS::S3::Errors::"),
        ("Error: 403 Forb", r"\b(?:S3Response|EC2Response|BotoServer)Error: 403 Forbidden"),
        ("PermissionError", r"PermissionError: (?:Access Denied|Forbidden)[ \t]*(?=\n|$)"),
        ("parse_aws_s3_re", r"parse_aws_s3_response[^\n]{0,120}\n?\s{0,40}Forbidden \(HTTP 403\)"),
        ("lacked the neces", r"lacked the necessary privileges[^\n]{0,400}amazonaws\.com[^\n]{0,400}403 Forbidden"),
        ("Generic S3 error", r"Generic S3 error: [^\n]{0,200}403 Forbidden: (?:No Body|\s{0,40}$)"),
        ("(Forbidden_403)", r"amazonaws\.com[^\n]{0,400}\(Forbidden_403\), with reason: ?(?:Forbidden|\s{0,40}$)"),
        ("httpStatusCode", r"\bUnknownError\b[\s\S]{0,1500}?httpStatusCode[\"']?\s?:\s?403\b"),
        ("httpStatusCode", r"httpStatusCode[\"']?\s?:\s?403\b[\s\S]{0,400}?\bUnknownError\b"),
        (
            "`403 Forbidden`",
            r"Error executing \"(?P<operation>\w{1,60})\" on \"https?://[^\n]{1,1600}`403 Forbidden` resp\w+ \(c",
        ),
    )
)
"""Each with a part of it that is looked for first."""
_JAVA: Final = re.compile(r"\(Service: ([\w ]{1,50}), Status Code: 403, Request ID")
_JAVA_SAYS: Final = re.compile(r"Access Denied|Forbidden|\bnull|not authorized", re.IGNORECASE)
"""What the second generation of the SDK for Java, which prints no code, says of a denial."""
_RUST: Final = re.compile(r"\b(Head\w{4,10})Error\b[\s\S]{0,1200}?(?:StatusCode\(403\)|status: 403)")
"""A HEAD has no body, and so no code."""
_BEFORE: Final = 400
_AFTER: Final = 400


def phrases(text: str) -> Iterator[Told]:
    """Every such phrase of an event."""
    for literal, phrase in _PHRASES:
        for found in phrase.finditer(text) if literal in text else ():
            one = _told(found)
            if one is not None:
                yield one
    for found in _JAVA.finditer(text) if "(Service: " in text else ():
        before = text[max(0, found.start() - _BEFORE) : found.start()].rpartition("\n")[2]
        after = text[found.end() : found.end() + 200]
        if _JAVA_SAYS.search(before) and not is_no_denial(before):
            yield told_of(start=found.start(), end=found.end(), message=before + found[0] + after, service=found[1])
    head = _RUST.search(text) if "403" in text and "Error" in text else None
    if head is not None:
        yield told_of(start=head.start(), end=head.end(), message="", operation=head[1], service="s3")


def _told(found: re.Match[str]) -> Told | None:
    text = found.string
    after = text[found.end() : found.end() + _AFTER]
    line = text[max(0, found.start() - 160) : found.start()].rpartition("\n")[2]
    body = re.search(r"<Code>(\w{1,60})</Code>", after)
    if is_no_denial(line + found[0] + after.partition("\n")[0]) or (body and is_no_denial(body[1])):
        return None
    groups = found.groupdict()
    one = told_of(
        start=found.start(),
        end=found.end(),
        message=found[0] + after,
        operation=groups.get("operation") or operation_of_frame(found[0]),
        service="s3" if groups.get("operation") else None,
    )
    if groups.get("action"):
        service, _, name = str(groups["action"]).partition(":")
        known = permission_for(operation_named(name), service)
        one = replace(one, action=known or groups["action"], operation=name)
    if groups.get("call"):
        action = f"{service_of(str(groups['service']))}:{groups['call']}"
        one = replace(one, action=action, operation=groups["call"])
    if groups.get("role"):
        one = replace(one, action="sts:AssumeRole", resource=groups["role"])
    if groups.get("principal"):
        one = replace(one, principal=str(groups["principal"]).strip("\"'"))
    if "to access this resource" in found[0]:
        effect, source, _ = effect_in(text, found.end())
        one = replace(one, effect=effect, source=source)
    return one
