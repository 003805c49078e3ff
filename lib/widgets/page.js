/**
 * A page's explorers: gives each `.explorer` of the document a host (the kernels as WebAssembly in a worker)
 * and renders it with explorer.mjs. A classic script, run after number.js and after EXPLORER_WASM (base64), EXPLORER_MODULE,
 * EXPLORER_TABLE and EXPLORER_STYLE (text) are set: modules and fetch do not work from file://, imports from a Blob do.
 */
(() => {
  "use strict";

  const AHEAD = "600px"; // explorers begin when they are this near to being seen

  const blob = (text) => URL.createObjectURL(new Blob([text], { type: "text/javascript" }));
  const once = (work) => { let done; return () => done ??= work(); };
  const userInterface = once(() => import(blob(`${readNumber}\n${globalThis.EXPLORER_MODULE}`)));
  const workerSource = once(() => blob(`${readNumber}\n${globalThis.EXPLORER_TABLE}(${worker})()`));
  const kernels = once(() => Uint8Array.from(atob(globalThis.EXPLORER_WASM), (sign) => sign.charCodeAt(0)));

  /** The worker's program. It answers the messages that explorer.mjs describes. */
  function worker() {
    const SLICE = 4; // ms of the long part before a message is answered
    const SHOW = 40; // ms of it between two pictures
    const ticks = new MessageChannel(); // lets messages in between slices; setTimeout would wait 4 ms
    let setup, module, exports, run, data;
    let opening, waiting; // the reader's file while its spectrum is computed, and a start that waits for that
    let going = false;
    let ticking = false;
    let shown = 0; // when the last picture was sent

    /** Place p, data and work behind the module's own memory, and start the kernels of `name`. */
    function begin(name, values, data) {
      exports ??= new WebAssembly.Instance(module, { Math }).exports;
      const { memory, __heap_base: heap } = exports;
      const doubles = (start, length) => {
        const missing = start + 8 * length - memory.buffer.byteLength;
        if (missing > 0) memory.grow(Math.ceil(missing / 65536));
        return new Float64Array(memory.buffer, start, length);
      };
      const base = 16 * Math.ceil(heap.value / 16);
      doubles(base, values.length).set(values);
      doubles(base + 8 * values.length, data.length).set(data);
      const given = [base, values.length, base + 8 * values.length, data.length];
      const work = [base + 8 * (values.length + data.length), exports[`${name}_size`](...given)];
      doubles(...work).fill(0);
      const status = exports[`${name}_start`](...given, ...work);
      return { values, status, fraction: status < 0 ? 1 : 0,
        advance: () => exports[`${name}_advance`](...given, ...work),
        output: (size) => doubles(work[0], size).slice() };
    }

    /** Do `step` and answer, in the midst of a run now and then; what it throws is an answer too. */
    function attempt(values, step) {
      try {
        step();
        const { status, fraction } = run;
        if (fraction === 0 || fraction === 1 || performance.now() > shown + SHOW) {
          const { buffer } = run.output(setup.outputSize);
          postMessage([{ values, status, fraction }, [buffer]], [buffer]);
          shown = performance.now();
        }
      } catch (error) {
        run = exports = undefined; // the next start finds a clean memory
        postMessage([{ values, error: error.message }, []]);
      }
      tick();
    }

    /** Go on after the messages that wait. */
    function tick() {
      going &&= run?.fraction < 1;
      if (!(going || opening) || ticking) return;
      ticking = true;
      ticks.port2.postMessage(0);
    }

    const slice = (job) => {
      const end = performance.now() + SLICE;
      while (job.fraction < 1 && performance.now() < end) job.fraction = job.advance();
    };

    ticks.port1.onmessage = () => {
      ticking = false;
      if (opening) digest(() => slice(opening.job));
      else if (going) attempt(run.values, () => slice(run));
    };

    /** Take the reader's file, or without one return to the page's own data. The data in use stays until it is read. */
    function open({ name, bytes }) {
      going = false;
      if (!name) {
        data = setup.data;
        postMessage([{ file: "" }, []]);
        return;
      }
      opening = { name };
      digest(() => {
        const { rows, columns, values, spacing, hint } = readTable(name, bytes, setup.table);
        opening.hint = hint;
        if (rows === 1 || columns === 1) opening.spectrum = readSpectrum(name, values);
        else opening.job = begin("table", [rows, columns, spacing], values);
        opening.words = rows === 1 || columns === 1 ? "list of" : `${rows} samples of ${columns} features,`;
      });
    }

    /** Do `step` of opening a file, and answer; at the end its spectrum is the data. */
    function digest(step) {
      const { name } = opening;
      try {
        step();
        const { job, words, hint } = opening;
        if (job?.fraction >= 1) {
          const [count] = job.output(1);
          if (count < 2) throw new Error(`${name}: the samples vary in ${count} directions: must vary in at least 2`);
          opening.spectrum = job.output(1 + count).subarray(1);
        }
        const { spectrum } = opening;
        if (spectrum) {
          data = spectrum;
          opening = undefined;
        }
        postMessage([{ file: name, fraction: spectrum ? 1 : job.fraction,
          words: spectrum && `${words} ${spectrum.length} eigenvalues${hint ? `; ${hint}` : ""}` }, []]);
      } catch (error) {
        const { hint } = opening;
        opening = exports = undefined;
        postMessage([{ file: name, error: hint ? `${error.message} (${hint})` : error.message }, []]);
      }
      if (!opening && waiting) launch();
      tick();
    }

    function launch() {
      const values = waiting;
      waiting = undefined;
      attempt(values, () => { run = begin(setup.name, values, data); });
    }

    onmessage = ({ data: message }) => {
      going = message.do === "resume";
      if (message.do === "load") {
        setup = message;
        data = message.data;
        module = new WebAssembly.Module(message.wasm);
      } else if (message.do === "start") {
        waiting = message.values;
        if (!opening) launch(); // the two would share their memory
      } else if (message.do === "open") {
        open(message);
      } else {
        tick();
      }
    };
  }

  /** What explorer.mjs needs of anywidget's model, with a worker behind its messages. */
  class Model {
    #state; #setup; #worker; #asked;
    #listeners = {};

    constructor(address, { spec, values, data }) {
      this.address = address;
      this.#state = { ...values, _spec: spec };
      this.#setup = { do: "load", name: spec.name, data, outputSize: spec.output_size, table: spec.table };
    }

    get(name) { return this.#state[name]; }

    set(name, value) {
      if (this.#state[name] === value) return;
      this.#state[name] = value;
      this.#tell(`change:${name}`);
    }

    save_changes() {}

    on(event, listener) { (this.#listeners[event] ??= []).push(listener); }

    #tell(event, ...details) { this.#listeners[event]?.forEach((listener) => listener(...details)); }

    send(message, _, [buffer] = []) {
      if (message.do === "start") this.#asked = message.values;
      this.#worker ??= this.#hire();
      this.#worker.postMessage(buffer ? { ...message, bytes: buffer } : message, buffer ? [buffer] : []);
    }

    #hire() {
      const hired = new Worker(workerSource());
      hired.onmessage = ({ data: [message, buffers] }) =>
        this.#tell("msg:custom", message, buffers.map((buffer) => new DataView(buffer)));
      hired.onerror = (event) => {
        hired.terminate();
        this.#worker = undefined; // the next start gets a new one
        this.#tell("msg:custom", { values: this.#asked, error: event.message || "the worker stopped" }, []);
      };
      hired.postMessage({ ...this.#setup, wasm: kernels() });
      return hired;
    }

    /** The page's address with this state, which the address bar shows from now on. */
    link(values) {
      const state = Object.entries(values).map((pair) => pair.join("=")).join(",");
      history.replaceState(null, "", `#${this.address}:${state}`);
      return location.href;
    }

    /** Take a state as `link` writes it; gives the parts of it that say nothing. */
    follow(state) {
      return state.split(",").filter((part) => {
        const [name, text = ""] = part.split("=");
        const [value] = readNumber(text);
        if (typeof this.#state[name] !== "number" || Number.isNaN(value)) return true;
        this.set(name, value);
        return false;
      });
    }
  }

  /** Bring the explorer of an element to life, once. */
  async function start(root, model) {
    try {
      const { default: { render } } = await userInterface();
      render({ model, el: root });
    } catch (error) { // the static picture stays
      root.append(`This explorer could not start here: ${error.message}`);
    }
  }

  const style = document.createElement("style");
  style.textContent = globalThis.EXPLORER_STYLE;
  document.head.append(style);

  const explorers = new Map(); // address -> { root, model, started }
  for (const root of document.querySelectorAll(".explorer[data-explorer]")) {
    const name = root.dataset.explorer;
    let address = name;
    for (let count = 2; explorers.has(address); count++) address = `${name}-${count}`;
    const model = new Model(address, JSON.parse(root.querySelector("script").textContent));
    explorers.set(address, { root, started: once(() => start(root, model)), model });
  }

  const watcher = new IntersectionObserver((entries) => {
    for (const { root, started } of explorers.values()) {
      if (entries.some((entry) => entry.isIntersecting && entry.target === root)) started();
    }
  }, { rootMargin: AHEAD });
  for (const { root } of explorers.values()) watcher.observe(root);

  /** The text that a part of an address stands for; itself, where it was cut or mistyped. */
  function decoded(text) {
    try {
      return decodeURIComponent(text);
    } catch {
      return text;
    }
  }

  /** Show the explorer and the state that the page's address names, and say what of it cannot be read. */
  async function followAddress() {
    const [address, state] = decoded(location.hash.slice(1)).split(":");
    const explorer = explorers.get(address);
    if (!explorer || !state) return;
    await explorer.started();
    const unread = explorer.model.follow(state);
    explorer.root.querySelector(".ex-address")?.remove();
    if (unread.length) {
      const said = document.createElement("p");
      said.className = "ex-problem ex-address";
      said.setAttribute("role", "alert");
      said.textContent = `Of the address of this page, “${unread.join(", ")}” could not be read; the rest was.`;
      explorer.root.prepend(said);
    }
    explorer.root.scrollIntoView();
  }
  addEventListener("hashchange", followAddress);
  followAddress();
})();
