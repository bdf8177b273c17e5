// SPDX-License-Identifier: Apache-2.0
// OpenTelemetry's Node SDK, told what to export on stdin, as sdk.py beside it is. The packages lie in $NODE_PATH.
'use strict';
const readline = require('node:readline');
const { CompressionAlgorithm } = require('@opentelemetry/otlp-exporter-base');
const { LoggerProvider, SimpleLogRecordProcessor, InMemoryLogRecordExporter } = require('@opentelemetry/sdk-logs');
const { MeterProvider, MetricReader } = require('@opentelemetry/sdk-metrics');
const { BasicTracerProvider, SimpleSpanProcessor, InMemorySpanExporter } = require('@opentelemetry/sdk-trace-base');

const url = process.argv[2];
const classes = {
  'logs json': require('@opentelemetry/exporter-logs-otlp-http').OTLPLogExporter,
  'logs protobuf': require('@opentelemetry/exporter-logs-otlp-proto').OTLPLogExporter,
  'metrics json': require('@opentelemetry/exporter-metrics-otlp-http').OTLPMetricExporter,
  'metrics protobuf': require('@opentelemetry/exporter-metrics-otlp-proto').OTLPMetricExporter,
  'traces json': require('@opentelemetry/exporter-trace-otlp-http').OTLPTraceExporter,
  'traces protobuf': require('@opentelemetry/exporter-trace-otlp-proto').OTLPTraceExporter,
};

const exporters = {};
for (const [kind, Exporter] of Object.entries(classes)) {
  for (const packing of ['plain', 'gzip']) {
    exporters[`${kind} ${packing}`] = new Exporter({
      url: `${url}/v1/${kind.split(' ')[0]}`, timeoutMillis: 60000,
      compression: packing === 'gzip' ? CompressionAlgorithm.GZIP : CompressionAlgorithm.NONE,
    });
  }
}

class Reader extends MetricReader {
  async onForceFlush() {}
  async onShutdown() {}
}

const make = {
  async logs(name, pad) {
    const memory = new InMemoryLogRecordExporter();
    const provider = new LoggerProvider({ processors: [new SimpleLogRecordProcessor({ exporter: memory })] });
    provider.getLogger('sdk').emit({ severityNumber: 13, body: name + pad });
    await provider.forceFlush();
    return memory.getFinishedLogRecords();
  },
  async metrics(name, pad) {
    const reader = new Reader();
    const provider = new MeterProvider({ readers: [reader] });
    provider.getMeter('sdk').createCounter(name).add(1, { pad });
    return (await reader.collect()).resourceMetrics;
  },
  async traces(name, pad) {
    const memory = new InMemorySpanExporter();
    const provider = new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(memory)] });
    provider.getTracer('sdk').startSpan(name, { attributes: { pad } }).end();
    await provider.forceFlush();
    return memory.getFinishedSpans();
  },
};

async function exportOne(which, id, pad) {
  const item = await make[which.split(' ')[0]](`${id}.${which.replaceAll(' ', '.')}`, pad);
  return new Promise((resolve) => exporters[which].export(item, (result) => resolve(result.code === 0)));
}

async function main() {
  for await (const line of readline.createInterface({ input: process.stdin })) {
    const told = JSON.parse(line);
    const cases = told.cases ?? Object.keys(exporters);
    const taken = await Promise.all(cases.map((c) => exportOne(c, told.id, 'x'.repeat(told.pad ?? 0))));
    console.log(JSON.stringify(Object.fromEntries(cases.map((c, i) => [c, taken[i]]))));
  }
}
main();
