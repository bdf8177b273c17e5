// SPDX-License-Identifier: Apache-2.0
// The Rust engine on the cases of policy/oopsla_bench.c, measured as that one is: everything is
// parsed before, each request is decided once to check it and to warm up, then once to time it.
//     bench-peer-rust apps DIR | bench-peer-rust scale DIR POLICIES
use cedar_policy::{
    Authorizer, Context, Decision, Entities, EntityId, EntityTypeName, EntityUid, PolicyId,
    PolicySet, Request, SlotId,
};
use serde_json::Value;
use std::collections::{BTreeSet, HashMap};
use std::{env, fs, hint::black_box, path::Path, str::FromStr, time::Instant};

const HIERARCHIES: usize = 20;

struct Case {
    request: Request,
    allow: bool,
    reasons: BTreeSet<String>,
}

fn json(path: &Path) -> Vec<Value> {
    serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap()
}

fn uid(j: &Value) -> EntityUid {
    EntityUid::from_type_name_and_id(
        EntityTypeName::from_str(j["type"].as_str().unwrap()).unwrap(),
        EntityId::new(j["id"].as_str().unwrap()),
    )
}

// The corpus calls a policy by its @id, else policyN.
fn policies(path: &Path) -> PolicySet {
    let parsed = PolicySet::from_str(&fs::read_to_string(path).unwrap()).unwrap();
    let mut named = PolicySet::new();
    for p in parsed.policies() {
        let id = p.annotation("id").map(PolicyId::new);
        named.add(id.map_or(p.clone(), |id| p.new_id(id))).unwrap();
    }
    for t in parsed.templates() {
        let id = t.annotation("id").map(PolicyId::new);
        named.add_template(id.map_or(t.clone(), |id| t.new_id(id))).unwrap();
    }
    named
}

fn link(set: &mut PolicySet, links: &Path) {
    if !links.exists() {
        return;
    }
    for j in json(links) {
        let mut slots = HashMap::new();
        if !j["principal"].is_null() {
            slots.insert(SlotId::principal(), uid(&j["principal"]));
        }
        if !j["resource"].is_null() {
            slots.insert(SlotId::resource(), uid(&j["resource"]));
        }
        let id = |k: &str| PolicyId::new(j[k].as_str().unwrap());
        set.link(id("template"), id("id"), slots).unwrap();
    }
}

fn cases(path: &Path) -> Vec<Case> {
    let of = |j: Value| Case {
        request: Request::new(
            uid(&j["principal"]),
            uid(&j["action"]),
            uid(&j["resource"]),
            Context::from_json_value(j["context"].clone(), None).unwrap(),
            None,
        )
        .unwrap(),
        allow: j["decision"] == "allow",
        reasons: j["reason"].as_array().unwrap().iter().map(|r| r.as_str().unwrap().into()).collect(),
    };
    json(path).into_iter().map(of).collect()
}

fn run(set: &PolicySet, dir: &Path, times: &mut Vec<u64>) -> usize {
    let entities = fs::read_to_string(dir.join("entities.json")).unwrap();
    let entities = Entities::from_json_str(&entities, None).unwrap();
    let cases = cases(&dir.join("requests.json"));
    let engine = Authorizer::new();
    let mut wrong = 0;
    for c in &cases {
        let r = engine.is_authorized(&c.request, set, &entities);
        let reasons = r.diagnostics().reason().map(|p| p.to_string()).collect::<BTreeSet<_>>();
        wrong += usize::from((r.decision() == Decision::Allow) != c.allow || reasons != c.reasons);
    }
    for c in &cases {
        let start = Instant::now();
        black_box(engine.is_authorized(black_box(&c.request), set, &entities));
        times.push(start.elapsed().as_nanos() as u64);
    }
    wrong
}

fn figures(times: &mut [u64]) -> String {
    let n = times.len();
    times.sort_unstable();
    let mean = times.iter().sum::<u64>() / n as u64;
    format!("\"p50_ns\":{},\"p99_ns\":{},\"mean_ns\":{}", times[n / 2], times[n * 99 / 100], mean)
}

fn apps(dir: &Path) -> usize {
    let mut wrong = 0;
    for app in ["gdrive", "github", "tinytodo", "gdrive-templates", "github-templates"] {
        for n in [5, 10, 20, 50] {
            let mut times = Vec::new();
            for k in 0..HIERARCHIES {
                let of_app = dir.join("cases").join(app);
                let of_case = of_app.join(format!("n{n}/{k}"));
                let mut set = policies(&of_app.join("policies.cedar"));
                link(&mut set, &of_case.join("links.json"));
                wrong += run(&set, &of_case, &mut times);
            }
            println!(
                "{{\"bench\":\"policy\",\"app\":\"{app}\",\"n\":{n},\"engine\":\"rust\",{}}}",
                figures(&mut times)
            );
        }
    }
    wrong
}

fn rss_bytes() -> u64 {
    let text = fs::read_to_string("/proc/self/statm").unwrap();
    text.split(' ').nth(1).unwrap().parse::<u64>().unwrap() * 4096
}

fn scale(dir: &Path, n: &str) -> usize {
    let dir = dir.join("scale").join(format!("p{n}"));
    let (before, start) = (rss_bytes(), Instant::now());
    let set = policies(&dir.join("policies.cedar"));
    let load = start.elapsed().as_secs_f64() * 1e3;
    let added = (rss_bytes() - before) as f64 / (1 << 20) as f64;
    let mut times = Vec::new();
    let wrong = run(&set, &dir, &mut times);
    times.sort_unstable();
    println!(
        "{{\"bench\":\"policy\",\"case\":\"scale\",\"engine\":\"rust\",\"policies\":{n},\
         \"p50_ns\":{},\"load_ms\":{load:.1},\"rss_mib\":{added:.1}}}",
        times[times.len() / 2]
    );
    wrong
}

fn main() {
    let args: Vec<String> = env::args().collect();
    let wrong = match &args[1..] {
        [what, dir] if what == "apps" => apps(Path::new(dir)),
        [what, dir, n] if what == "scale" => scale(Path::new(dir), n),
        _ => panic!("apps DIR | scale DIR POLICIES"),
    };
    if wrong > 0 {
        eprintln!("bench-peer-rust: {wrong} answers differ from the recorded ones");
        std::process::exit(1);
    }
}
