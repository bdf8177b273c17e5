// SPDX-License-Identifier: Apache-2.0
// cedar-go on the cases of policy/oopsla_bench.c, measured as that one is: everything is parsed
// before, each request is decided once to check it and to warm up, then once to time it.
//
//	bench-peer-go apps DIR | bench-peer-go scale DIR POLICIES
package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/cedar-policy/cedar-go"
)

const hierarchies = 20

type link struct {
	ID        string           `json:"id"`
	Template  string           `json:"template"`
	Principal *cedar.EntityUID `json:"principal"`
	Resource  *cedar.EntityUID `json:"resource"`
}

type testCase struct {
	Principal cedar.EntityUID `json:"principal"`
	Action    cedar.EntityUID `json:"action"`
	Resource  cedar.EntityUID `json:"resource"`
	Context   cedar.Record    `json:"context"`
	Decision  string          `json:"decision"`
	Reason    []string        `json:"reason"`
}

var keep cedar.Decision

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func readJSON[T any](path string) (out T) {
	if err := json.Unmarshal(must(os.ReadFile(path)), &out); err != nil {
		panic(err)
	}
	return out
}

func parseOne(text string) *cedar.Policy {
	var p cedar.Policy
	if err := p.UnmarshalCedar([]byte(text)); err != nil {
		panic(err)
	}
	return &p
}

// The corpus calls a policy by its @id, else policyN, N counting templates too. cedar-go has no
// templates: a link is the template's text with its slots filled in, parsed here, beforehand.
func policies(path, links string) *cedar.PolicySet {
	text := string(must(os.ReadFile(path)))
	if !strings.Contains(text, "?principal") {
		return withIDs(must(cedar.NewPolicySetFromBytes(path, []byte(text))))
	}
	set, templates := cedar.NewPolicySet(), map[string]string{}
	for i, each := range strings.Split(strings.TrimSpace(text), ";") {
		if strings.TrimSpace(each) == "" {
			continue
		}
		name := fmt.Sprintf("policy%d", i)
		if _, after, ok := strings.Cut(each, "@id(\""); ok {
			name, _, _ = strings.Cut(after, "\"")
		}
		if strings.Contains(each, "?principal") {
			templates[name] = each + ";"
		} else {
			set.Add(cedar.PolicyID(name), parseOne(each+";"))
		}
	}
	for _, l := range readJSON[[]link](links) {
		text := strings.ReplaceAll(templates[l.Template], "?principal", string(l.Principal.MarshalCedar()))
		text = strings.ReplaceAll(text, "?resource", string(l.Resource.MarshalCedar()))
		set.Add(cedar.PolicyID(l.ID), parseOne(text))
	}
	return set
}

func withIDs(parsed *cedar.PolicySet) *cedar.PolicySet {
	set := cedar.NewPolicySet()
	for id, p := range parsed.All() {
		if own, ok := p.Annotations()["id"]; ok {
			id = cedar.PolicyID(own)
		}
		set.Add(id, p)
	}
	return set
}

func run(set *cedar.PolicySet, dir string, times []int64) ([]int64, int) {
	var entities cedar.EntityMap
	if err := json.Unmarshal(must(os.ReadFile(filepath.Join(dir, "entities.json"))), &entities); err != nil {
		panic(err)
	}
	cases := readJSON[[]testCase](filepath.Join(dir, "requests.json"))
	requests := make([]cedar.Request, len(cases))
	wrong := 0
	for i, c := range cases {
		requests[i] = cedar.Request{Principal: c.Principal, Action: c.Action, Resource: c.Resource, Context: c.Context}
		decision, diagnostic := cedar.Authorize(set, entities, requests[i])
		var reasons []string
		for _, r := range diagnostic.Reasons {
			reasons = append(reasons, string(r.PolicyID))
		}
		slices.Sort(reasons)
		if (decision == cedar.Allow) != (c.Decision == "allow") || !slices.Equal(reasons, c.Reason) {
			wrong++
		}
	}
	for i := range requests {
		start := time.Now()
		keep, _ = cedar.Authorize(set, entities, requests[i])
		times = append(times, time.Since(start).Nanoseconds())
	}
	return times, wrong
}

func figures(times []int64) string {
	var sum int64
	slices.Sort(times)
	for _, t := range times {
		sum += t
	}
	n := len(times)
	return fmt.Sprintf(`"p50_ns":%d,"p99_ns":%d,"mean_ns":%d`, times[n/2], times[n*99/100], sum/int64(n))
}

func apps(dir string) (wrong int) {
	for _, app := range []string{"gdrive", "github", "tinytodo", "gdrive-templates", "github-templates"} {
		for _, n := range []int{5, 10, 20, 50} {
			var times []int64
			for k := range hierarchies {
				at := filepath.Join(dir, "cases", app)
				of := filepath.Join(at, fmt.Sprintf("n%d/%d", n, k))
				set := policies(filepath.Join(at, "policies.cedar"), filepath.Join(of, "links.json"))
				var bad int
				times, bad = run(set, of, times)
				wrong += bad
			}
			fmt.Printf("{\"bench\":\"policy\",\"app\":\"%s\",\"n\":%d,\"engine\":\"cedar-go\",%s}\n", app, n, figures(times))
		}
	}
	return wrong
}

func rssBytes() int64 {
	var size, resident int64
	must(fmt.Sscan(string(must(os.ReadFile("/proc/self/statm"))), &size, &resident))
	return resident * 4096
}

func scale(dir, n string) int {
	dir = filepath.Join(dir, "scale", "p"+n)
	runtime.GC()
	before, start := rssBytes(), time.Now()
	set := policies(filepath.Join(dir, "policies.cedar"), "")
	load := time.Since(start)
	added := rssBytes() - before
	times, wrong := run(set, dir, nil)
	slices.Sort(times)
	fmt.Printf("{\"bench\":\"policy\",\"case\":\"scale\",\"engine\":\"cedar-go\",\"policies\":%s,\"p50_ns\":%d,\"load_ms\":%.1f,\"rss_mib\":%.1f}\n",
		n, times[len(times)/2], load.Seconds()*1e3, float64(added)/(1<<20))
	return wrong
}

func main() {
	wrong := 0
	switch {
	case len(os.Args) == 3 && os.Args[1] == "apps":
		wrong = apps(os.Args[2])
	case len(os.Args) == 4 && os.Args[1] == "scale":
		wrong = scale(os.Args[2], os.Args[3])
	default:
		panic("apps DIR | scale DIR POLICIES")
	}
	if wrong > 0 {
		fmt.Fprintf(os.Stderr, "bench-peer-go: %d answers differ from the recorded ones\n", wrong)
		os.Exit(1)
	}
}
