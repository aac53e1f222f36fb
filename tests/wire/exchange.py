"""Checks one request and its reply against the model of the operation."""

import base64
import re
import urllib.parse

from protocols import (
    Unreadable,
    along_ec2_form,
    along_form,
    along_xml,
    local,
    read_cbor,
    read_form,
    read_json,
    read_xml,
)
from shapes import CborScalars, Comparison, JsonScalars, TextScalars

# Errors that every service can return, each with its HTTP statuses. The same error has an older name in awsQuery, and
# services differ in the status, so both are allowed.
COMMON_ERRORS = {
    "AccessDenied": {403},
    "AccessDeniedException": {400, 403},
    "ExpiredToken": {400, 403},
    "ExpiredTokenException": {400, 403},
    "InternalFailure": {500},
    "InvalidAction": {400},
    "InvalidClientTokenId": {403},
    "MissingParameter": {400},
    "RequestLimitExceeded": {503},
    "ServiceUnavailable": {503},
    "Throttling": {400},
    "ThrottlingException": {400},
    "UnknownOperationException": {400, 404},
    "UnauthorizedOperation": {403},
    "UnrecognizedClientException": {400, 403},
    "ValidationError": {400},
    "ValidationException": {400},
}

CBOR, JSON, QUERY, EC2, REST = "smithy-rpc-v2-cbor", "json", "query", "ec2", "rest-json"

# EC2's model has no shape for the error of an id that does not exist: `InvalidSubnetID.NotFound`.
EC2_ERRORS = re.compile(r"Invalid[A-Za-z]+\.[A-Z][A-Za-z]+")


def protocol_of(request, service):
    """The protocol of a request, from its headers. Some services have only one."""
    if service.metadata["protocol"] in (EC2, REST):
        return service.metadata["protocol"]
    headers = request["headers"]
    if "smithy-protocol" in headers:
        return CBOR
    return JSON if "x-amz-target" in headers else QUERY


class Exchange:
    """A request and its reply. `faults` has what is wrong: part, path and reason."""

    def __init__(self, record, service):
        self.service = service
        self.operation = record["operation"].partition(":")[2]
        self.request, self.reply = record["request"], record["reply"]
        self.protocol = protocol_of(self.request, service)
        self.known = self.operation in service.operation_names
        self.model = service.operation_model(self.operation) if self.known else None
        self.faults = []

    def check(self):
        if self.protocol not in self.service.metadata["protocols"]:
            self.fault("request", "", f"is in {self.protocol}, which the service does not support")
            return self.faults
        self.check_part("request", self.check_request)
        # A closed connection, or a reply that a scenario damaged on purpose, cannot match the model.
        if self.reply is not None and not self.reply["damaged"]:
            self.check_part("reply", self.check_reply)
        return self.faults

    def check_part(self, part, check):
        try:
            check(base64.b64decode(getattr(self, part)["body"], validate=True))
        except Unreadable as error:
            self.fault(part, "", f"cannot be read: {error}")

    def fault(self, part, path, why):
        self.faults.append((part, path, why))

    def expect_header(self, part, name, expected):
        seen = getattr(self, part)["headers"].get(name, "")
        # Parameters of a content type, such as a charset, can differ.
        if seen.split(";")[0].strip() != expected:
            self.fault(part, f"header {name}", f"is {seen!r}, expected {expected!r}")

    def compare(self, part, value, shape, scalars, path=""):
        comparison = Comparison(scalars)
        if shape is None:
            if value:
                self.fault(part, path, "has members, and the operation has none")
            return
        comparison.compare(value, shape, path)
        for place, why in comparison.faults:
            self.fault(part, place, why)

    # The request

    def check_request(self, body):
        metadata = self.service.metadata
        method = self.model.http["method"] if self.known else "POST"
        if self.request["method"] != method:
            self.fault("request", "", f"is a {self.request['method']}, expected {method}")
        self.check_signature()
        if "awsQueryCompatible" in metadata and self.protocol != QUERY:
            self.expect_header("request", "x-amzn-query-mode", "true")
        read = {
            JSON: self.json_request,
            CBOR: self.cbor_request,
            QUERY: self.query_request,
            EC2: self.query_request,
            REST: self.rest_request,
        }
        value, scalars = read[self.protocol](body)
        if self.known:
            self.compare("request", value, self.model.input_shape, scalars)

    def check_signature(self):
        """The request must be signed for this service. A manual configuration easily signs for another one."""
        name = self.service.metadata.get("signingName", self.service.metadata["endpointPrefix"])
        authorization = self.request["headers"].get("authorization", "")
        scope = r"AWS4-HMAC-SHA256 Credential=[^/]+/\d{8}/[a-z0-9-]+/([a-z0-9-]+)/aws4_request, ?SignedHeaders="
        match = re.match(scope, authorization)
        # The header changes with each request, but not the service that it is for.
        seen = f"signed for {match[1]}" if match else "no signature of version 4"
        if seen != f"signed for {name}":
            self.fault("request", "header authorization", f"is {seen}, expected one for {name}")

    def json_request(self, body):
        metadata = self.service.metadata
        self.expect_path("/")
        self.expect_header("request", "x-amz-target", f"{metadata['targetPrefix']}.{self.operation}")
        self.expect_header("request", "content-type", f"application/x-amz-json-{metadata['jsonVersion']}")
        return read_json(body), JsonScalars()

    def cbor_request(self, body):
        self.expect_path(f"/service/{self.service.metadata['targetPrefix']}/operation/{self.operation}")
        self.expect_header("request", "smithy-protocol", "rpc-v2-cbor")
        self.expect_header("request", "accept", "application/cbor")
        if body:
            self.expect_header("request", "content-type", "application/cbor")
        return (read_cbor(body) if body else {}), CborScalars()

    def query_request(self, body):
        self.expect_path("/")
        self.expect_header("request", "content-type", "application/x-www-form-urlencoded")
        form = read_form(body)
        for key, expected in [("Action", self.operation), ("Version", self.service.api_version)]:
            seen = form.pop(key, None)
            if seen != expected:
                self.fault("request", key, f"is {seen!r}, expected {expected!r}")
        along = along_ec2_form if self.protocol == EC2 else along_form
        return (along(form, self.model.input_shape) if self.known else form), TextScalars()

    def rest_request(self, body):
        """A REST request: some members are in the path, the others in the query. A read has no body."""
        if body:
            self.fault("request", "", "has a body, but the operation only reads")
        path, _, query = self.request["path"].partition("?")
        template = re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", self.model.http["requestUri"])
        match = re.fullmatch(template, path)
        if not match:
            self.fault("request", "path", f"is {path!r}, expected {self.model.http['requestUri']!r}")
            return {}, TextScalars()
        value = {name: urllib.parse.unquote(part) for name, part in match.groupdict().items()}
        return {**value, **read_form(query.encode())} if query else value, TextScalars()

    def expect_path(self, expected):
        if self.request["path"] != expected:
            self.fault("request", "path", f"is {self.request['path']!r}, expected {expected!r}")

    # The reply

    def check_reply(self, body):
        read = {
            JSON: self.json_reply,
            CBOR: self.cbor_reply,
            QUERY: self.query_reply,
            EC2: self.ec2_reply,
            REST: self.rest_reply,
        }
        read[self.protocol](body)

    @property
    def succeeded(self):
        if self.reply["status"] == 200 and not self.known:
            self.fault("reply", "status", "is 200, but the service does not have the operation")
        return self.reply["status"] == 200 and self.known

    def json_reply(self, body):
        self.expect_header("reply", "content-type", f"application/x-amz-json-{self.service.metadata['jsonVersion']}")
        self.typed_reply(read_json(body), JsonScalars())

    def cbor_reply(self, body):
        self.expect_header("reply", "content-type", "application/cbor")
        self.expect_header("reply", "smithy-protocol", "rpc-v2-cbor")
        self.typed_reply(read_cbor(body), CborScalars())

    def typed_reply(self, value, scalars):
        """A reply in JSON or CBOR. An error names its shape in `__type`."""
        if not self.reply["headers"].get("x-amzn-requestid"):
            self.fault("reply", "header x-amzn-requestid", "is missing")
        if self.succeeded:
            return self.compare("reply", value, self.model.output_shape, scalars)
        if not isinstance(value, dict) or not isinstance(value.get("__type"), str):
            return self.fault("reply", "__type", "is missing, and the reply is an error")
        namespace, _, code = value.pop("__type").rpartition("#")
        if self.protocol == CBOR and not namespace:
            self.fault("reply", "__type", f"is {code!r}, expected the whole name of a shape, as CBOR has it")
        if "awsQueryCompatible" in self.service.metadata:
            code = self.query_error(code)
        self.check_error(code, value, scalars)

    def query_error(self, shape_name):
        """A service that once used awsQuery returns the error code of that protocol in a header."""
        seen = self.reply["headers"].get("x-amzn-query-error", "")
        code, _, blame = seen.partition(";")
        expected = "Sender" if self.reply["status"] < 500 else "Receiver"
        if not code or blame != expected:
            self.fault("reply", "header x-amzn-query-error", f"is {seen!r}, expected 'CODE;{expected}' for {shape_name}")
        return code or shape_name

    def check_error(self, code, members, scalars):
        status = self.reply["status"]
        shapes = {shape.error_code: shape for shape in (self.model.error_shapes if self.known else [])}
        shape = shapes.get(code)
        if shape is not None:
            default = 500 if shape.metadata.get("fault") else 400
            statuses = {shape.metadata.get("error", {}).get("httpStatusCode", default)}
        elif code in COMMON_ERRORS:
            statuses = COMMON_ERRORS[code]
        else:
            return self.fault("reply", "error", f"is {code}, which neither {self.operation} nor every service has")
        if not self.known and code not in ("UnknownOperationException", "InvalidAction"):
            self.fault("reply", "error", f"is {code}, but the service does not have the operation")
        if status not in statuses:
            self.fault("reply", "status", f"is {status}, expected one of {sorted(statuses)} for {code}")
        # Every error has a message, even if the model does not say so.
        message = members.pop("message", members.pop("Message", ""))
        if not isinstance(message, str):
            self.fault("reply", "message", f"is not a string but {message!r}")
        if shape is not None and (members or shape.required_members):
            self.compare("reply", members, shape, scalars)
        elif members:
            self.fault("reply", "error", f"has members that {code} does not have: {sorted(members)}")

    def rest_reply(self, body):
        self.expect_header("reply", "content-type", "application/json")
        value = read_json(body)
        if not self.reply["headers"].get("x-amzn-requestid"):
            self.fault("reply", "header x-amzn-requestid", "is missing")
        if self.succeeded:
            return self.compare("reply", value, self.model.output_shape, JsonScalars())
        code = self.reply["headers"].get("x-amzn-errortype", "")
        self.check_error(code.partition(":")[0], value, JsonScalars())

    def ec2_reply(self, body):
        """EC2 puts no element around the members of a reply, and its errors have a form that no other service uses."""
        self.expect_header("reply", "content-type", "text/xml")
        # On the wire the namespace ends with a slash, which the model leaves out.
        namespace = self.service.metadata["xmlNamespace"] + "/"
        root = read_xml(body)
        if self.succeeded:
            output = self.model.output_shape
            self.expect_element(root, f"{self.operation}Response", namespace)
            value = along_xml(root, output, namespace)
            if not value.pop("requestId", ""):
                self.fault("reply", "requestId", "is missing")
            return self.compare("reply", value, output, TextScalars())
        errors = [{part.tag: part.text or "" for part in error} for error in root.findall("./Errors/Error")]
        if root.tag != "Response" or len(errors) != 1 or not root.findtext("RequestID"):
            return self.fault("reply", "", "is not a Response with one Error and a RequestID")
        code = errors[0].pop("Code", "")
        if not (self.reply["status"] == 400 and EC2_ERRORS.fullmatch(code)):
            self.check_error(code, errors[0], TextScalars())

    def query_reply(self, body):
        self.expect_header("reply", "content-type", "text/xml")
        namespace = self.service.metadata["xmlNamespace"]
        root = read_xml(body)
        if not self.succeeded:
            return self.query_failure(root, namespace)
        output = self.model.output_shape
        self.expect_element(root, f"{self.operation}Response", namespace)
        parts = {local(child, namespace): child for child in root}
        wrapper = output.serialization.get("resultWrapper") if output is not None else None
        expected = {"ResponseMetadata"} | ({wrapper} if wrapper else set())
        if set(parts) != expected:
            return self.fault("reply", "", f"has the elements {sorted(parts)}, expected {sorted(expected)}")
        ids = [local(child, namespace) for child in parts["ResponseMetadata"]]
        if ids != ["RequestId"]:
            self.fault("reply", "ResponseMetadata", f"has {ids}, expected ['RequestId']")
        if wrapper:
            self.compare("reply", along_xml(parts[wrapper], output, namespace), output, TextScalars())

    def query_failure(self, root, namespace):
        self.expect_element(root, "ErrorResponse", namespace)
        parts = {local(child, namespace): child for child in root}
        if set(parts) != {"Error", "RequestId"}:
            return self.fault("reply", "", f"has the elements {sorted(parts)}, expected Error and RequestId")
        error = {local(child, namespace): child.text or "" for child in parts["Error"]}
        blame = error.pop("Type", "")
        expected = "Sender" if self.reply["status"] < 500 else "Receiver"
        if blame != expected:
            self.fault("reply", "Error.Type", f"is {blame!r}, expected {expected!r}")
        self.check_error(error.pop("Code", ""), error, TextScalars())

    def expect_element(self, element, expected, namespace):
        seen = local(element, namespace)
        if seen != expected:
            self.fault("reply", "", f"is the element {seen}, expected {expected}")
