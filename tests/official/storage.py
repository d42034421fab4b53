"""Amazon's own client against the object storage of the engine named by the environment."""

import io
import json
import os
import urllib.request

import boto3
from boto3.s3.transfer import TransferConfig
from botocore.config import Config
from botocore.exceptions import ClientError

from reporting import scenario


def push_access():
    headers = {"Authorization": f"Bearer {os.environ['DAYTONA_API_KEY']}"}
    request = urllib.request.Request(f"{os.environ['DAYTONA_API_URL']}/object-storage/push-access", headers=headers)
    return json.load(urllib.request.urlopen(request, timeout=120))


access = push_access()
s3 = boto3.client(
    "s3",
    endpoint_url=access["storageUrl"],
    aws_access_key_id=access["accessKey"],
    aws_secret_access_key=access["secret"],
    aws_session_token=access["sessionToken"],
    region_name=access["region"],
    config=Config(s3={"addressing_style": "path"}, signature_version="s3v4"),
)
bucket, prefix = access["bucket"], f"{access['organizationId']}/boto3"


def refused(code, call, **arguments):
    try:
        call(Bucket=bucket, **arguments)
    except ClientError as error:
        assert error.response["Error"]["Code"] == code, error.response
    else:
        raise AssertionError(f"{arguments} was not refused")


with scenario("storage: objects are put, looked at, read in part, listed and deleted"):
    s3.put_object(Bucket=bucket, Key=f"{prefix}/a b/x.txt", Body=b"hello", ContentType="text/plain")
    assert s3.head_object(Bucket=bucket, Key=f"{prefix}/a b/x.txt")["ContentLength"] == 5
    assert s3.get_object(Bucket=bucket, Key=f"{prefix}/a b/x.txt", Range="bytes=1-3")["Body"].read() == b"ell"
    found = [item["Key"] for item in s3.list_objects_v2(Bucket=bucket, Prefix=f"{prefix}/")["Contents"]]
    assert found == [f"{prefix}/a b/x.txt"], found
    signed = s3.generate_presigned_url("get_object", Params={"Bucket": bucket, "Key": f"{prefix}/a b/x.txt"})
    assert urllib.request.urlopen(signed, timeout=120).read() == b"hello"
    s3.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": f"{prefix}/a b/x.txt"}]})
    refused("NoSuchKey", s3.get_object, Key=f"{prefix}/a b/x.txt")

with scenario("storage: large objects go in parts"):
    content = os.urandom(1 << 20) * 12
    parts = TransferConfig(multipart_threshold=5 << 20, multipart_chunksize=5 << 20)
    s3.upload_fileobj(io.BytesIO(content), bucket, f"{prefix}/large", Config=parts)
    received = io.BytesIO()
    s3.download_fileobj(bucket, f"{prefix}/large", received)
    assert received.getvalue() == content
    s3.delete_object(Bucket=bucket, Key=f"{prefix}/large")

with scenario("storage: objects are copied, whole and in parts"):
    metadata = {"made": "here"}
    content = os.urandom(1 << 20) * 12
    s3.put_object(Bucket=bucket, Key=f"{prefix}/copy/ä +.txt", Body=content, Metadata=metadata)
    source = {"Bucket": bucket, "Key": f"{prefix}/copy/ä +.txt"}
    copied = s3.copy_object(Bucket=bucket, Key=f"{prefix}/copy/2", CopySource=source)["CopyObjectResult"]
    head = s3.head_object(Bucket=bucket, Key=f"{prefix}/copy/2")
    assert (head["ETag"], head["Metadata"]) == (copied["ETag"], metadata), head
    parts = TransferConfig(multipart_threshold=5 << 20, multipart_chunksize=5 << 20)
    s3.copy(source, bucket, f"{prefix}/copy/3", Config=parts)
    assert s3.get_object(Bucket=bucket, Key=f"{prefix}/copy/3")["Body"].read() == content
    arguments = {"MetadataDirective": "REPLACE", "Metadata": {"made": "there"}}
    s3.copy_object(Bucket=bucket, Key=f"{prefix}/copy/2", CopySource=f"{bucket}/{prefix}/copy/2", **arguments)
    assert s3.head_object(Bucket=bucket, Key=f"{prefix}/copy/2")["Metadata"] == {"made": "there"}
    refused("AccessDenied", s3.copy_object, Key=f"{prefix}/x", CopySource=f"{bucket}/another/x")
    refused("PreconditionFailed", s3.copy_object, Key=f"{prefix}/x", CopySource=source, CopySourceIfMatch="x")
    for name in ["ä +.txt", "2", "3"]:
        s3.delete_object(Bucket=bucket, Key=f"{prefix}/copy/{name}")

with scenario("storage: nothing of other organizations is reached"):
    refused("AccessDenied", s3.put_object, Key="another/x", Body=b"")
    refused("AccessDenied", s3.get_object, Key="another/x")
    refused("AccessDenied", s3.list_objects_v2)
