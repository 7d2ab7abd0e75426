/**
 * A small protocol of one file for the tests of the plugin, and the plugin run on it in memory. Tests change one place of
 * the text and look at what is printed, or at what is refused.
 */
import { execFile } from "node:child_process"
import { cp, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join, resolve } from "node:path"
import { promisify } from "node:util"
import { create, fromBinary } from "@bufbuild/protobuf"
import { CodeGeneratorRequestSchema, FileDescriptorSetSchema } from "@bufbuild/protobuf/wkt"
import { plugin } from "../../src/codegen/Plugin.ts"

const root = resolve(import.meta.dirname, "..", "..")
const run = promisify(execFile)

/** Runs the plugin; what it prints by file name. Fails with the plugin's own error. */
export async function generate(proto: string): Promise<ReadonlyMap<string, string>> {
  const folder = await mkdtemp(join(tmpdir(), "noriter-proto-"))
  try {
    await cp(join(root, "proto/noriter/options"), join(folder, "noriter/options"), { recursive: true })
    await mkdir(join(folder, "noriter/client/v1"), { recursive: true })
    await writeFile(join(folder, "noriter/client/v1/client.proto"), proto)
    const buf = join(root, "node_modules/.bin/buf")
    const args = ["build", folder, "--as-file-descriptor-set", "-o", "-"]
    const { stdout } = await run(buf, args, { encoding: "buffer", maxBuffer: 1 << 24 })
    const set = fromBinary(FileDescriptorSetSchema, stdout)
    const response = plugin.run(
      create(CodeGeneratorRequestSchema, {
        protoFile: set.file,
        fileToGenerate: ["noriter/client/v1/client.proto"],
        parameter: "target=ts,import_extension=ts"
      })
    )
    return new Map(response.file.map((file) => [file.name, file.content]))
  } finally {
    await rm(folder, { recursive: true })
  }
}

/** The small protocol with one place changed. */
export function changed(from: string, to: string): string {
  if (small.split(from).length !== 2) throw new Error(`the small protocol has not exactly one: ${from}`)
  return small.replace(from, to)
}

export const small = `syntax = "proto3";
package noriter.client.v1;

import "google/protobuf/empty.proto";
import "google/protobuf/timestamp.proto";
import "noriter/options/v1/options.proto";

// WaveConsumer takes waves.
service WaveConsumer {
  option (noriter.options.v1.lane) = LANE_CLIENT;
  // Waves at somebody.
  rpc Wave(WaveRequest) returns (WaveResponse) {
    option (noriter.options.v1.delivery) = DELIVERY_DURABLE;
    option (noriter.options.v1.rate) = {per_second_hundredths: 50, burst: 3};
    option (noriter.options.v1.lasting) = true;
  }
  // Walks.
  rpc Walk(WalkRequest) returns (google.protobuf.Empty) {
    option (noriter.options.v1.delivery) = DELIVERY_LATEST;
    option (noriter.options.v1.rate) = {per_second_hundredths: 1000, burst: 20};
    option (noriter.options.v1.inside) = true;
  }
}

// WaveViewConsumer shows waves.
service WaveViewConsumer {
  option (noriter.options.v1.lane) = LANE_RUNNER;
  // A wave was seen.
  rpc See(WaveTold) returns (google.protobuf.Empty) {
    option (noriter.options.v1.partition_by) = "channel";
  }
}

// WaveAskedConsumer decides waves.
service WaveAskedConsumer {
  option (noriter.options.v1.lane) = LANE_TOPIC;
  option (noriter.options.v1.topic) = {name: "noriter.wave.asked", partitions: 4, retention_hours: 24};
  // A wave to be made.
  rpc Record(WaveAsked) returns (google.protobuf.Empty) {
    option (noriter.options.v1.partition_by) = "tag";
  }
}

// ClientMessage is one line from a phone.
message ClientMessage {
  // The id.
  uint32 id = 1;
  // One key.
  oneof body {
    // Waves.
    WaveRequest wave = 2;
    // Walks.
    WalkRequest walk = 3;
  }
}

// ServerMessage is one line to a phone.
message ServerMessage {
  // The id asked under.
  uint32 re = 1;
  // One key.
  oneof body {
    // Answers wave.
    WaveResponse wave = 2;
    // Somebody waved.
    Waved waved = 3;
  }
}

// Mood is a mood.
enum Mood {
  // Not said.
  MOOD_UNSPECIFIED = 0;
  // Glad.
  MOOD_GLAD = 1;
}

// WaveRequest waves at somebody.
message WaveRequest {
  // At whom.
  uint32 member = 1 [(noriter.options.v1.rules) = {max: 900}];
  // How.
  Mood mood = 2 [(noriter.options.v1.rules) = {specified: true}];
  // With which words.
  string text = 3 [(noriter.options.v1.rules) = {text: {graphemes_min: 1, graphemes_max: 9, bytes_max: 40, characters: CHARACTERS_SPOKEN}}];
  // With what.
  repeated Hand hands = 4 [(noriter.options.v1.rules) = {items_max: 2}];
  // Where it was.
  Hand from = 5 [(noriter.options.v1.rules) = {required: true}];
  // How often; absent: once.
  optional uint32 times = 6;
  // In which order.
  repeated int32 order = 7 [(noriter.options.v1.rules) = {items_max: 3}];
  // To all.
  bool loud = 8;
}

// Hand is a hand.
message Hand {
  // Which of the two.
  bool left = 1;
  // Its size.
  int64 size = 2;
}

// WaveResponse says that it was seen.
message WaveResponse {
  // Its place.
  uint64 seq = 1;
}

// WalkRequest walks.
message WalkRequest {
  // Where to.
  uint32 x_cm = 1;
}

// Waved tells of a wave.
message Waved {
  option (noriter.options.v1.heard) = DELIVERY_ORDERED;
  // Who.
  uint32 member = 1;
  // How.
  Mood mood = 2;
}

// WaveTold is a wave.
message WaveTold {
  // The channel's tag.
  string channel = 1;
  // Who.
  uint32 member = 2;
}

// WaveAsked is a wave asked for.
message WaveAsked {
  // The tag.
  string tag = 1;
}
`
