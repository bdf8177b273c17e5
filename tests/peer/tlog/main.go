// SPDX-License-Identifier: Apache-2.0

// Others' implementations of the transparency log's formats, on our log and our proofs.
//
//	tlogpeer log URL ORIGIN VKEY    reads the log at URL (token in $OUTRIDER_TOKEN)
//	tlogpeer proof FILE ORIGIN VKEY checks a proof file
//
// log: the checkpoint with golang.org/x/mod/sumdb/note; every leaf's inclusion, and consistency
// with earlier sizes, with golang.org/x/mod/sumdb/tlog through its tile reader; then all of it
// with Tessera's fsck, which derives the root and every tile from the entries. One line of JSON
// says what was checked; the exit code is 1 where something does not hold.
package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"os"

	flog "github.com/transparency-dev/formats/log"
	fproof "github.com/transparency-dev/formats/proof"
	"github.com/transparency-dev/merkle/rfc6962"
	"github.com/transparency-dev/tessera/api"
	"github.com/transparency-dev/tessera/client"
	"github.com/transparency-dev/tessera/fsck"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

const bundle = 256

// tiles gives x/mod's reader the tiles of a log that is laid out as C2SP tlog-tiles says.
type tiles struct {
	from *client.HTTPFetcher
	n    int
}

func (t *tiles) Height() int { return 8 }

func (t *tiles) ReadTiles(want []tlog.Tile) ([][]byte, error) {
	out := make([][]byte, len(want))
	for i, tile := range want {
		width := uint8(tile.W % bundle) // 0: the whole tile
		data, err := t.from.ReadTile(context.Background(), uint64(tile.L), uint64(tile.N), width)
		if err != nil {
			return nil, err
		}
		if len(data) != tile.W*tlog.HashSize {
			return nil, fmt.Errorf("%s has %d bytes", tile.Path(), len(data))
		}
		t.n++
		out[i] = data
	}
	return out, nil
}

func (t *tiles) SaveTiles([]tlog.Tile, [][]byte) {}

func openCheckpoint(raw []byte, origin, vkey string) (*flog.Checkpoint, note.Verifier, error) {
	verifier, err := note.NewVerifier(vkey)
	if err != nil {
		return nil, nil, err
	}
	if _, err := note.Open(raw, note.VerifierList(verifier)); err != nil {
		return nil, nil, err
	}
	head, _, _, err := flog.ParseCheckpoint(raw, origin, verifier)
	return head, verifier, err
}

func entries(f *client.HTTPFetcher, size uint64) ([][]byte, error) {
	var all [][]byte
	for n := uint64(0); n*bundle < size; n++ {
		width := uint8(0)
		if size < (n+1)*bundle {
			width = uint8(size % bundle)
		}
		raw, err := f.ReadEntryBundle(context.Background(), n, width)
		if err != nil {
			return nil, err
		}
		var b api.EntryBundle
		if err := b.UnmarshalText(raw); err != nil {
			return nil, err
		}
		all = append(all, b.Entries...)
	}
	if uint64(len(all)) != size {
		return nil, fmt.Errorf("the bundles hold %d entries of %d", len(all), size)
	}
	return all, nil
}

func checkTree(tree tlog.Tree, leaves [][]byte, reader tlog.HashReader) (proofs int, err error) {
	for i, leaf := range leaves {
		p, err := tlog.ProveRecord(tree.N, int64(i), reader)
		if err != nil {
			return proofs, err
		}
		if err := tlog.CheckRecord(p, tree.N, tree.Hash, int64(i), tlog.RecordHash(leaf)); err != nil {
			return proofs, fmt.Errorf("leaf %d: %w", i, err)
		}
		proofs++
	}
	for n := int64(1); n < tree.N; n += n/3 + 1 {
		older, err := tlog.TreeHash(n, reader)
		if err != nil {
			return proofs, err
		}
		p, err := tlog.ProveTree(tree.N, n, reader)
		if err != nil {
			return proofs, err
		}
		if err := tlog.CheckTree(p, tree.N, tree.Hash, n, older); err != nil {
			return proofs, fmt.Errorf("size %d: %w", n, err)
		}
		proofs++
	}
	return proofs, nil
}

func hashBundle(raw []byte) ([][]byte, error) {
	var b api.EntryBundle
	if err := b.UnmarshalText(raw); err != nil {
		return nil, err
	}
	var hashes [][]byte
	for _, e := range b.Entries {
		hashes = append(hashes, rfc6962.DefaultHasher.HashLeaf(e))
	}
	return hashes, nil
}

func checkLog(root, origin, vkey string) (map[string]any, error) {
	u, err := url.Parse(root)
	if err != nil {
		return nil, err
	}
	f, err := client.NewHTTPFetcher(u, nil)
	if err != nil {
		return nil, err
	}
	f.SetAuthorizationHeader("Bearer " + os.Getenv("OUTRIDER_TOKEN"))
	raw, err := f.ReadCheckpoint(context.Background())
	if err != nil {
		return nil, err
	}
	head, verifier, err := openCheckpoint(raw, origin, vkey)
	if err != nil {
		return nil, err
	}
	tree := tlog.Tree{N: int64(head.Size)}
	copy(tree.Hash[:], head.Hash)
	leaves, err := entries(f, head.Size)
	if err != nil {
		return nil, err
	}
	t := &tiles{from: f}
	proofs, err := checkTree(tree, leaves, tlog.TileHashReader(tree, t))
	if err != nil {
		return nil, fmt.Errorf("x/mod/sumdb/tlog: %w", err)
	}
	frozen := fixed{HTTPFetcher: f, checkpoint: raw}
	if err := fsck.New(origin, verifier, frozen, hashBundle, fsck.Opts{N: 2}).Check(context.Background()); err != nil {
		return nil, fmt.Errorf("Tessera's fsck: %w", err)
	}
	return map[string]any{"leaves": head.Size, "proofs": proofs, "tiles": t.n, "fsck": true}, nil
}

// fixed stays at one checkpoint while the log grows.
type fixed struct {
	*client.HTTPFetcher
	checkpoint []byte
}

func (f fixed) ReadCheckpoint(context.Context) ([]byte, error) { return f.checkpoint, nil }

func checkProof(path, origin, vkey string) (map[string]any, error) {
	raw, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var p fproof.TLogProof
	if err := p.Unmarshal(raw); err != nil {
		return nil, err
	}
	if !bytes.Equal(p.Marshal(), raw) {
		return nil, fmt.Errorf("%s: it would be written otherwise", path)
	}
	head, _, err := openCheckpoint(p.Checkpoint, origin, vkey)
	if err != nil {
		return nil, err
	}
	var root tlog.Hash
	var hashes tlog.RecordProof
	copy(root[:], head.Hash)
	for _, h := range p.Hashes {
		hashes = append(hashes, tlog.Hash(h))
	}
	leaf := tlog.RecordHash(p.ExtraData)
	if err := tlog.CheckRecord(hashes, int64(head.Size), root, int64(p.Index), leaf); err != nil {
		return nil, err
	}
	return map[string]any{"index": p.Index, "size": head.Size}, nil
}

func main() {
	checks := map[string]func(string, string, string) (map[string]any, error){
		"log": checkLog, "proof": checkProof}
	if len(os.Args) != 5 || checks[os.Args[1]] == nil {
		fmt.Fprintln(os.Stderr, "usage: tlogpeer log URL ORIGIN VKEY | tlogpeer proof FILE ORIGIN VKEY")
		os.Exit(2)
	}
	said, err := checks[os.Args[1]](os.Args[2], os.Args[3], os.Args[4])
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	json.NewEncoder(os.Stdout).Encode(said)
}
