/* SPDX-License-Identifier: MIT */
#include "words.h"

const VerbWord provider_words[] = {
        { "list", "show all of them (as without a COMMAND)" },
        { "show NAME", "show one, with its models and their prices" },
        { "add NAME", "add one" },
        { "edit NAME", "change what is given of it; models that are given are added" },
        { "remove NAME", "take it and its key away, after asking on a terminal" },
        { "test NAME [MODEL]", "call it once through the gateway, and say how long that took and what it cost, or why not" },
        {},
};

const VerbOption provider_options[] = {
        { OPTION_KIND, "add: what it speaks: openai (also vLLM, llama.cpp, ...), anthropic, ollama or gemini", "KIND" },
        { OPTION_BASE_URL, "add, edit: where it is, as its own client has it (default: the vendor's, or this machine's Ollama)" },
        { OPTION_MODEL, "add, edit: a model that it has; may be given more than once. NAME=UPSTREAM where the provider calls it "
                        "UPSTREAM" },
        { OPTION_ABILITY, "add, edit: these models can do that: tools, vision, json or reasoning; may be given more than once" },
        { OPTION_PRICE_INPUT, "add, edit: what these models cost, per million tokens of a prompt" },
        { OPTION_PRICE_OUTPUT, "add, edit: the same of an answer" },
        { OPTION_PRICE_CACHED, "add, edit: of a prompt that the provider has cached (default: as input)" },
        { OPTION_PRICE_CACHE_WRITE, "add, edit: of a prompt that it puts into its cache (default: as input)" },
        { OPTION_PRICE_REASONING, "add, edit: of reasoning (default: as output)" },
        { OPTION_PRICES, "add, edit: take prices, abilities and limits of these models from a file in the format of LiteLLM's "
                         "model_prices_and_context_window.json" },
        { OPTION_MAX_CONCURRENCY, "add, edit: so many calls at a time (default 16); others wait" },
        { OPTION_KEY_FILE, "add, edit: read its key there; '-' is standard input. Without it, add asks on a "
                           "terminal, without echo" },
        { OPTION_NO_KEY, "add, edit: it needs none" },
        { OPTION_DRY_RUN, "add, edit: print the file as it would be, and change nothing" },
        { OPTION_YES, "remove: do not ask" },
        { OPTION_JSON, "list, show, test: JSON in place of a table" },
        {},
};

const VerbWord key_words[] = {
        { "list", "show all of them, with what they may spend and have spent (as without a COMMAND)" },
        { "create NAME", "make one; its text is shown this one time" },
        { "revoke NAME", "refuse it from now on. Its name is not free again, for its calls bear it" },
        {},
};

const VerbOption key_options[] = {
        { OPTION_USER, "create: on whose behalf it calls, for that user's limits and reports" },
        { OPTION_BUDGET, "create: the most that it may spend: 5/day, 0.10/minute, 100/month; may be given more than once" },
        { OPTION_JSON, "list, create: JSON in place of a table" },
        {},
};

const VerbOption budget_options[] = {
        { OPTION_SET, "set a limit that holds; may be given more than once" },
        { OPTION_SOFT, "set one that raises an alert and holds nothing up; may be given more than once" },
        { OPTION_JSON, "JSON in place of a table" },
        {},
};

const VerbWord ledger_words[] = {
        { "export", "print each call of a model, oldest first" },
        { "verify", "compare sums with calls, and costs with prices and tokens; the exit status is 1 when something is wrong" },
        { "rebuild", "make anew what is derived from the calls" },
        { "content [ID]", "print what was asked and answered, of all calls (or that request's) for which this is kept" },
        {},
};

const VerbOption ledger_options[] = {
        { OPTION_FORMAT, "export: jsonl, a JSON object a line (the default), or csv" },
        { OPTION_FROM, "export: calls from then on: '2026-01-31 08:15', '2026-01-31T08:15:30Z', 'today', '-5min'" },
        { OPTION_TO, "export: calls before then" },
        { OPTION_JSON, "verify: JSON in place of lines" },
        {},
};
