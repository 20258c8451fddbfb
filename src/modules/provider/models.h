/* SPDX-License-Identifier: MIT */
#pragma once

#include "foundation/http.h"

/* The lists of models, each in the form of its API. */

int get_models(HttpRequest *request, void *state);      /* OpenAI's, or Anthropic's for its clients */
int get_model(HttpRequest *request, void *state);
int get_ollama_tags(HttpRequest *request, void *state);
