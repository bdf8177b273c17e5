-- SPDX-License-Identifier: Apache-2.0
--
-- Asks Outrider's decision service about each request (forward auth), with HAProxy's own HTTP
-- client; HAProxy 2.6 or newer, nothing else is needed.
--
--     lua-load-per-thread examples/haproxy/outrider.lua
--     http-request lua.outrider
--
-- It sets txn.outrider_status (200: allowed; whatever goes wrong is 503) and, where allowed,
-- txn.outrider_principal. OUTRIDER_DECIDE says where to ask, 127.0.0.1:8181 where it is not set.

local decide = os.getenv("OUTRIDER_DECIDE") or "127.0.0.1:8181"

-- What the decision is made from, besides the request line; each as often as the client sent it.
local passed = {"authorization", "traceparent", "tracestate", "x-outrider-purpose",
    "x-outrider-break-glass"}

local function ask(txn)
    local given = txn.http:req_get_headers()
    local headers = {
        ["x-forwarded-method"] = {txn.f:method()},
        ["x-forwarded-uri"] = {txn.f:pathq()},
        ["x-forwarded-host"] = {txn.f:req_hdr("host") or ""},
        ["x-forwarded-for"] = {txn.f:src()},
    }

    for _, name in ipairs(passed) do
        if given[name] then
            headers[name] = {}
            for i = 0, #given[name] do
                table.insert(headers[name], given[name][i])
            end
        end
    end
    return core.httpclient():get{
        url = "http://" .. decide .. "/auth/forward", headers = headers, timeout = 5000}
end

core.register_action("outrider", {"http-req"}, function(txn)
    local ok, answer = pcall(ask, txn)
    local status = ok and answer and answer.status or 503
    local who = ok and answer and answer.headers and answer.headers["x-outrider-principal"]

    txn:set_var("txn.outrider_status", status)
    if status == 200 and who then
        txn:set_var("txn.outrider_principal", who[0])
    end
end, 0)
