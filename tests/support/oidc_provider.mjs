// SPDX-License-Identifier: Apache-2.0
// A real OpenID Connect provider (npm oidc-provider) whose signing keys rotate on demand.
//
//     NODE_PATH is not read by ES modules: argv[2] is the folder that holds node_modules.
//     GET  /test/counts    how often the key set and the discovery document were fetched
//     POST /test/rotate    from now on tokens are signed with a new key; the last two are published
import { createRequire } from "node:module";
import { createServer } from "node:http";
import { generateKeyPairSync, randomUUID } from "node:crypto";
import { pathToFileURL } from "node:url";
import path from "node:path";

const require = createRequire(path.join(process.argv[2], "node_modules", "x.js"));
const { Provider } = await import(pathToFileURL(require.resolve("oidc-provider")));

const keys = [];
const counts = { jwks: 0, document: 0 };
let handler, issuer;

function newKey() {
  const { privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  keys.unshift({ ...privateKey.export({ format: "jwk" }), kid: randomUUID(), use: "sig", alg: "ES256" });
  keys.length = Math.min(keys.length, 2);
}

function rebuild() {
  const provider = new Provider(issuer, {
    clients: [{ client_id: "reporting", client_secret: "of-this-test", redirect_uris: [],
                id_token_signed_response_alg: "ES256",
                response_types: [], grant_types: ["client_credentials"] }],
    scopes: ["read"],
    jwks: { keys: keys.map((k) => ({ ...k })) },
    extraTokenClaims: () => ({ groups: ["analysts"], clearance: 2 }),
    features: {
      devInteractions: { enabled: false },
      clientCredentials: { enabled: true },
      resourceIndicators: {
        enabled: true,
        defaultResource: () => "https://orders.example",
        useGrantedResource: () => true,
        getResourceServerInfo: () => ({ scope: "read", audience: "orders", accessTokenFormat: "jwt",
                                        accessTokenTTL: 300, jwt: { sign: { alg: "ES256" } } }),
      },
    },
  });
  handler = provider.callback();
}

const server = createServer((req, res) => {
  if (req.url === "/test/counts") return res.end(JSON.stringify(counts));
  if (req.url === "/test/rotate") {
    newKey();
    rebuild();
    return res.end("rotated\n");
  }
  if (req.url === "/jwks") counts.jwks++;
  if (req.url.startsWith("/.well-known/")) counts.document++;
  handler(req, res);
});
server.listen(0, "127.0.0.1", () => {
  issuer = `http://127.0.0.1:${server.address().port}`;
  newKey();
  rebuild();
  console.log(`ISSUER ${issuer}`);
});
