"""A locker in a bucket of S3, or of a server that speaks its protocol. Needs boto3, of the extra `s3`.

The account and the endpoint are those of the environment, as boto3 reads them: AWS_ACCESS_KEY_ID,
AWS_SECRET_ACCESS_KEY, AWS_PROFILE, AWS_ENDPOINT_URL_S3 or AWS_ENDPOINT_URL; also MLFLOW_S3_ENDPOINT_URL,
which MLflow reads. A file of conf/ chooses none of them.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cached_property
from pathlib import Path
from typing import Any

from rnnsweep.errors import UserError
from rnnsweep.files import replacing
from rnnsweep.lockers.names import check_name

try:
    import boto3
    import botocore.exceptions
    from botocore.config import Config
except ImportError as error:
    raise UserError(
        "locker s3://: needs boto3, which is not installed", remedy="pip install 'rnnsweep[s3]'"
    ) from error

_ENDPOINTS = ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL", "MLFLOW_S3_ENDPOINT_URL")
_MISSING = ("404", "NoSuchKey", "NotFound")
_MAY = "the account must be allowed to list, read, write and delete below the prefix"
_SERVER = "set AWS_ENDPOINT_URL_S3 where the server is not Amazon's"
_ACCOUNT = "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE, here and on the nodes"
_REASONS = {  # code of the server -> what is wrong, and what to do
    "NoSuchBucket": ("there is no such bucket", f"make it, or name another one; {_SERVER}"),
    "InvalidAccessKeyId": ("the access key of the environment is not known there", f"{_ACCOUNT}; {_SERVER}"),
    "SignatureDoesNotMatch": ("the secret key of the environment is wrong", _ACCOUNT),
    "AccessDenied": ("the account of the environment may not do this", _MAY),
    "403": ("the account of the environment may not do this", _MAY),
    "ExpiredToken": ("the account of the environment has expired", _ACCOUNT),
    "InvalidBucketName": ("the bucket's name is none", "name an existing bucket"),
}


class BucketLocker:
    """Objects below a prefix of a bucket; an object is there whole or not at all."""

    def __init__(self, place: str) -> None:
        """Use ``s3://BUCKET/PREFIX``; nothing is contacted yet."""
        self.place = place.rstrip("/")
        self._bucket, _, prefix = self.place.removeprefix("s3://").partition("/")
        self._prefix = f"{prefix}/" if prefix else ""

    def put(self, name: str, file: Path) -> None:
        """See `Locker.put`."""
        with self._explained():
            self._client.upload_file(str(file), self._bucket, self._key(name))

    def get(self, name: str, into: Path) -> None:
        """See `Locker.get`."""
        into.parent.mkdir(parents=True, exist_ok=True)
        with replacing(into) as file, self._explained(name):
            self._client.download_fileobj(self._bucket, self._key(name), file)

    def names(self, prefix: str = "") -> list[str]:
        """See `Locker.names`."""
        with self._explained():
            pages = self._client.get_paginator("list_objects_v2").paginate(
                Bucket=self._bucket, Prefix=self._prefix + prefix
            )
            keys = [one["Key"] for page in pages for one in page.get("Contents", ())]
        return sorted(str(key).removeprefix(self._prefix) for key in keys)

    def drop(self, name: str) -> None:
        """See `Locker.drop`."""
        with suppress(FileNotFoundError), self._explained(name):
            self._client.delete_object(Bucket=self._bucket, Key=self._key(name))

    def _key(self, name: str) -> str:
        return self._prefix + check_name(name)

    @property
    def _endpoint(self) -> str | None:
        return next((os.environ[name] for name in _ENDPOINTS if os.environ.get(name)), None)

    @cached_property
    def _client(self) -> Any:
        """The client of this process: one that came through a fork or a pickle must not be used."""
        options = Config(
            connect_timeout=3,
            read_timeout=30,
            retries={"max_attempts": 2},
            request_checksum_calculation="when_required",  # servers other than AWS know no others
            response_checksum_validation="when_required",
            s3={"addressing_style": "path"} if self._endpoint else {},
        )
        return boto3.session.Session().client("s3", endpoint_url=self._endpoint, config=options)

    @contextmanager
    def _explained(self, name: str | None = None) -> Iterator[None]:
        """Turn what the library raises into one line; a name that is not there into FileNotFoundError."""
        try:
            yield
        except botocore.exceptions.ClientError as error:
            code = str(error.response.get("Error", {}).get("Code", ""))
            if name is not None and code in _MISSING:
                raise FileNotFoundError(f"{self.place}/{name}") from error
            reason, remedy = _REASONS.get(code, (f"the server answers {code}", _SERVER))
            raise UserError(f"locker {self.place}: {reason}", remedy=remedy) from error
        except (botocore.exceptions.NoCredentialsError, botocore.exceptions.PartialCredentialsError) as error:
            raise UserError(
                f"locker {self.place}: the environment has no account", remedy=_ACCOUNT
            ) from error
        except (botocore.exceptions.BotoCoreError, boto3.exceptions.Boto3Error, ValueError) as error:
            reason, remedy = _explain(error)
            raise UserError(f"locker {self.place}: {reason}", remedy=remedy) from error


def _explain(error: Exception) -> tuple[str, str]:
    """Return one line and a remedy; an error of an upload carries that of the server in its text."""
    text = str(error).splitlines()[0] if str(error) else type(error).__name__
    for code, explained in _REASONS.items():
        if f"({code})" in text:
            return explained
    return text, _SERVER
