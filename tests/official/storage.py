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

with scenario("storage: conditions hold"):
    name = f"{prefix}/once"
    etag = s3.put_object(Bucket=bucket, Key=name, Body=b"first", IfNoneMatch="*")["ETag"]
    refused("PreconditionFailed", s3.put_object, Key=name, Body=b"second", IfNoneMatch="*")
    refused("PreconditionFailed", s3.put_object, Key=name, Body=b"second", IfMatch='"other"')
    refused("NoSuchKey", s3.put_object, Key=f"{prefix}/nothing", Body=b"", IfMatch=etag)
    refused("PreconditionFailed", s3.get_object, Key=name, IfMatch='"other"')
    refused("304", s3.get_object, Key=name, IfNoneMatch=etag)
    refused("304", s3.head_object, Key=name, IfNoneMatch=etag)
    refused("412", s3.head_object, Key=name, IfUnmodifiedSince="1994-11-06T08:49:37Z")
    s3.put_object(Bucket=bucket, Key=name, Body=b"second", IfMatch=etag)
    assert s3.get_object(Bucket=bucket, Key=name)["Body"].read() == b"second"
    s3.delete_object(Bucket=bucket, Key=name)

with scenario("storage: an upload that is given up leaves nothing"):
    upload = {"Key": f"{prefix}/given up", "UploadId": ""}
    upload["UploadId"] = s3.create_multipart_upload(Bucket=bucket, Key=upload["Key"])["UploadId"]
    s3.upload_part(Bucket=bucket, PartNumber=1, Body=b"x", **upload)
    assert [part["Size"] for part in s3.list_parts(Bucket=bucket, **upload)["Parts"]] == [1]
    uploads = s3.list_multipart_uploads(Bucket=bucket, Prefix=f"{prefix}/given up")["Uploads"]
    assert [found["UploadId"] for found in uploads] == [upload["UploadId"]]
    s3.abort_multipart_upload(Bucket=bucket, **upload)
    refused("NoSuchUpload", s3.list_parts, **upload)
    refused("NoSuchUpload", s3.upload_part, PartNumber=1, Body=b"x", **upload)
    assert not s3.list_multipart_uploads(Bucket=bucket, Prefix=f"{prefix}/given up").get("Uploads")
    refused("NoSuchKey", s3.get_object, Key=upload["Key"])

with scenario("storage: lists are paged and grouped"):
    names = sorted(f"{prefix}/list/{directory}/{number}" for directory in "ab" for number in range(3))
    for name in names:
        s3.put_object(Bucket=bucket, Key=name, Body=b"x")
    for method in ["list_objects_v2", "list_objects"]:
        pages = s3.get_paginator(method).paginate(
            Bucket=bucket, Prefix=f"{prefix}/list/", PaginationConfig={"PageSize": 2}
        )
        assert [item["Key"] for page in pages for item in page["Contents"]] == names, method
    grouped = s3.list_objects_v2(Bucket=bucket, Prefix=f"{prefix}/list/", Delimiter="/")
    assert [group["Prefix"] for group in grouped["CommonPrefixes"]] == [f"{prefix}/list/{name}/" for name in "ab"]
    after = s3.list_objects_v2(Bucket=bucket, Prefix=f"{prefix}/list/", StartAfter=names[3])
    assert [item["Key"] for item in after["Contents"]] == names[4:]
    deleted = s3.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": name} for name in names]})
    assert len(deleted["Deleted"]) == len(names)

with scenario("storage: bodies without a length or a signature of their own, and signed addresses"):
    content = os.urandom(300_000)
    for checksum in ["CRC32", "SHA256"]:
        s3.put_object(Bucket=bucket, Key=f"{prefix}/body", Body=io.BytesIO(content), ChecksumAlgorithm=checksum)
        assert s3.get_object(Bucket=bucket, Key=f"{prefix}/body")["Body"].read() == content
    refused("BadDigest", s3.put_object, Key=f"{prefix}/wrong", Body=b"content", ChecksumCRC32="AAAAAA==")
    arguments = {"Bucket": bucket, "Key": f"{prefix}/signed"}
    address = s3.generate_presigned_url("put_object", Params=arguments)
    request = urllib.request.Request(address, data=content, method="PUT")
    assert urllib.request.urlopen(request, timeout=120).status == 200
    tail = s3.get_object(**arguments, Range="bytes=-10")
    assert (tail["Body"].read(), tail["ContentRange"]) == (content[-10:], "bytes 299990-299999/300000")
    refused("InvalidRange", s3.get_object, Key=f"{prefix}/signed", Range="bytes=300000-")
    for name in ["body", "signed"]:
        s3.delete_object(Bucket=bucket, Key=f"{prefix}/{name}")

with scenario("storage: nothing of other organizations is reached"):
    refused("AccessDenied", s3.put_object, Key="another/x", Body=b"")
    refused("AccessDenied", s3.get_object, Key="another/x")
    refused("AccessDenied", s3.list_objects_v2)
