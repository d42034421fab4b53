#!/usr/bin/env bash
# The MCP server, judged by the official SDKs: the newest one for Python, which speaks both generations of the protocol, and the one for
# TypeScript that most agents are built on; and by the inspector's command line, whose later versions need a newer Node. They are
# installed once, below target/mcp.
#
# Needs DAYTONA_LOCAL_BINARY (the `daytona` program) and DAYTONA_LOCAL_STATE_DIR (a state directory whose snapshot is prepared).
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
: "${DAYTONA_LOCAL_BINARY:?must name the daytona program}" "${DAYTONA_LOCAL_STATE_DIR:?must name a state directory}"
environments=${here%/tests/mcp}/target/mcp
python_sdk=mcp==2.3.0
node_sdk=@modelcontextprotocol/sdk@1.32.2
inspector=@modelcontextprotocol/inspector-cli@1.0.3

if [[ ! -e $environments/python/$python_sdk ]]; then
    rm -rf "$environments/python"
    python3 -m venv "$environments/python"
    "$environments/python/bin/pip" install --quiet --disable-pip-version-check "$python_sdk" pytest==8.4.2
    touch "$environments/python/$python_sdk"
fi
judges="$node_sdk $inspector"
if [[ $(cat "$environments/node/judges" 2>/dev/null) != "$judges" ]]; then
    rm -rf "$environments/node"
    mkdir -p "$environments/node"
    (cd "$environments/node" && npm init --yes >/dev/null && npm install --silent --no-audit --no-fund $judges)
    # It looks for its version above itself, where only the package of the whole inspector has one.
    echo '{"name": "inspector", "version": "1.0.3"}' >"$environments/node/node_modules/@modelcontextprotocol/package.json"
    echo "$judges" >"$environments/node/judges"
fi
DAYTONA_MCP_NODE_SDK=$environments/node exec "$environments/python/bin/python" -m pytest -q --rootdir "$here" "$here" "$@"
