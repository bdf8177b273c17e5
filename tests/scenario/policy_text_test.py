# SPDX-License-Identifier: Apache-2.0
"""Policies and schemas as files: laid out in one style, and turned into JSON and back."""
import json
import os
import subprocess

from world import BIN, World, check, check_has, main

UGLY = ('// why\n@id("a") permit(principal in?principal,action,resource);\n'
        'forbid(principal,action,resource)when{context.x<0};//end\n')
STYLE = ('// why\n@id("a")\npermit (\n  principal in ?principal,\n  action,\n  resource\n);\n\n'
         'forbid (principal, action, resource)\nwhen { context.x < 0 }; //end\n')
SCHEMA = 'namespace N { entity U in [U] = {"a b"?: Set<Long>}; @x action r appliesTo ' \
         '{principal: U, resource: U}; }'


def put(w, name, text):
    path = os.path.join(w.dir, name)
    with open(path, "w", encoding="utf-8") as f:
        f.write(text)
    return path


def get(path):
    with open(path, encoding="utf-8") as f:
        return f.read()


def pipe(text, *args):
    r = subprocess.run([f"{BIN}/outrider", "policy", *args], input=text, capture_output=True,
                       text=True, timeout=60, check=False)
    check(r.returncode == 0, r.stderr)
    return r.stdout


def format_says_and_writes():
    with World() as w:
        path = put(w, "p.cedar", UGLY)
        check(w.cli("policy", "format", path).out == STYLE, "to standard output")
        check(get(path) == UGLY, "nothing is changed unasked")
        check_has(w.cli("policy", "format", "--check", path, check_code=1).out, path)
        w.cli("policy", "format", "--write", path)
        check(get(path) == STYLE, get(path))
        check(w.cli("policy", "format", "--check", path).out == "", "in style")
        check(pipe(UGLY, "format") == STYLE, "from standard input")
        bad = put(w, "bad.cedar", "permit(principal, action);\npermit(principal, action, x);\n")
        r = w.cli("policy", "format", "--write", bad, check_code=2)
        check_has(r.err, f"{bad}:1:25: error: expected `,`")
        check_has(r.err, f"{bad}:2:27: error: expected `resource`")
        check_has(r.err, "\n      |                         ^")


def translate_there_and_back():
    with World() as w:
        path = put(w, "p.cedar", UGLY)
        text = w.cli("policy", "translate", path).out
        policies = json.loads(text)
        check(list(policies["templates"]) == ["a"], text)
        check(list(policies["staticPolicies"]) == ["policy1"], text)
        policies["templateLinks"] = [{"templateId": "a", "newId": "l", "values": {
            "?principal": {"type": "G", "id": "g"}}}]
        back = w.cli("policy", "translate", put(w, "p.json", json.dumps(policies))).out
        check_has(back, 'principal in G::"g"')
        check_has(back, "when { context.x < 0 };")
        policies["templateLinks"][0]["values"] = {}
        r = w.cli("policy", "translate", put(w, "p.json", json.dumps(policies)), check_code=2)
        check_has(r.err, "templateLinks[0]: template `a` needs a value for ?principal")

        schema = w.cli("policy", "translate", put(w, "s.cedarschema", SCHEMA)).out
        check(json.loads(schema)["N"]["actions"]["r"]["annotations"] == {"x": ""}, schema)
        text = pipe(schema, "translate")
        check_has(text, '"a b"?: Set<Long>')
        check(pipe(pipe(text, "translate", "--schema"), "translate") == text, "back and forth")


if __name__ == "__main__":
    main(format_says_and_writes, translate_there_and_back)
