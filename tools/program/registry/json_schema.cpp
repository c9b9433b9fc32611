#include "registry/json_schema.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdlib>
#include <regex>
#include <set>
#include <utility>

#include <fmt/format.h>

// valijson is compiled here alone. It aborts unless told to throw; its headers are not free of
// warnings.
#define VALIJSON_USE_EXCEPTIONS 1
#if defined(__GNUC__)
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wconversion"
#pragma GCC diagnostic ignored "-Wshadow"
#pragma GCC diagnostic ignored "-Wundef"
#pragma GCC diagnostic ignored "-Wunused-parameter"
#endif
#include <valijson/adapters/nlohmann_json_adapter.hpp>
#include <valijson/schema.hpp>
#include <valijson/schema_parser.hpp>
#include <valijson/validator.hpp>
#if defined(__GNUC__)
#pragma GCC diagnostic pop
#endif

#include "system/failure.hpp"
#include "system/text.hpp"

namespace tinymlp::tools {

namespace {

using plain_json = nlohmann::json; // the one that valijson takes: members sorted, found quickly

constexpr std::size_t deepest_schema = 64;
constexpr std::size_t most_rules = 10'000;
constexpr std::size_t most_work = 50'000'000; // rules times values
constexpr std::size_t longest_pattern = 4096; // characters, times what is repeated
constexpr std::size_t longest_matched = 4096; // characters of a text
constexpr std::size_t longest_shown = 400;
constexpr std::string_view definitions = "#/$defs/";
constexpr std::string_view own_words = "="; // marks a message that is ours already

// ---- patterns

std::wstring decode_utf8(std::string_view text) {
  std::wstring out;
  for (std::size_t i = 0; i < text.size();) {
    const auto lead = static_cast<unsigned char>(text[i]);
    const std::size_t length = lead < 0x80 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
    auto point = static_cast<std::uint32_t>(length == 1 ? lead : lead & (0x7fU >> length));
    for (std::size_t k = 1; k < length && i + k < text.size(); ++k)
      point = point << 6 | (static_cast<unsigned char>(text[i + k]) & 0x3fU);
    out += static_cast<wchar_t>(point);
    i += length;
  }
  return out;
}

// The pattern's length with its counted repetitions written out: a bound on its automaton.
std::size_t size_of_pattern(std::string_view text) {
  std::size_t size = text.size();
  for (std::size_t i = 0; i + 1 < text.size() && size <= longest_pattern; ++i)
    if (text[i] == '{') {
      std::size_t count = 0, most = 1;
      for (std::size_t k = i + 1; k < text.size() && text[k] != '}'; ++k) {
        if (text[k] < '0' || text[k] > '9')
          count = 0;
        else
          count = std::min(count * 10 + static_cast<std::size_t>(text[k] - '0'), most_rules);
        most = std::max(most, count);
      }
      size *= most;
    }
  return size;
}

// \1 to \9 and what follows: what they match again has no bound, and libstdc++ counts their digits
// beyond what a long holds.
bool has_back_reference(std::string_view text) {
  for (std::size_t i = 0; i + 1 < text.size(); ++i)
    if (text[i] == '\\' && text[++i] >= '1' && text[i] <= '9') return true;
  return false;
}

// By states rather than by trying: libstdc++'s default takes time exponential in the text, and a
// frame of the stack for each character.
std::wregex compile_pattern(const std::string& text) {
  auto how = std::regex::ECMAScript;
#ifdef __GLIBCXX__
  how |= std::regex_constants::__polynomial;
#endif
  return std::wregex(decode_utf8(text), how);
}

// ---- a schema as valijson takes it

enum class operand : std::uint8_t {
  annotation, // asserts nothing: left out
  title,
  subschema,
  subschemas,    // array of them
  named_schemas, // object of them
  reference,
  pattern,
  names, // array of strings
  count, // whole number, 0 or more
  number,
  value, // valijson sees to it
};

struct keyword {
  std::string_view name;
  operand takes;
};

constexpr std::array keywords{
    keyword{"$schema", operand::annotation},
    keyword{"$id", operand::annotation},
    keyword{"$comment", operand::annotation},
    keyword{"description", operand::annotation},
    keyword{"default", operand::annotation},
    keyword{"examples", operand::annotation},
    keyword{"format", operand::annotation},
    keyword{"$defs", operand::annotation}, // read where it is referred to
    keyword{"title", operand::title},
    keyword{"$ref", operand::reference},
    keyword{"type", operand::value},
    keyword{"enum", operand::value},
    keyword{"const", operand::value},
    keyword{"properties", operand::named_schemas},
    keyword{"required", operand::names},
    keyword{"additionalProperties", operand::subschema},
    keyword{"propertyNames", operand::subschema},
    keyword{"items", operand::subschema},
    keyword{"minItems", operand::count},
    keyword{"maxItems", operand::count},
    keyword{"uniqueItems", operand::value},
    keyword{"minLength", operand::count},
    keyword{"maxLength", operand::count},
    keyword{"pattern", operand::pattern},
    keyword{"minimum", operand::number},
    keyword{"maximum", operand::number},
    keyword{"allOf", operand::subschemas},
    keyword{"anyOf", operand::subschemas},
    keyword{"not", operand::subschema},
    keyword{"if", operand::subschema},
    keyword{"then", operand::subschema},
    keyword{"else", operand::subschema},
};

// valijson knows draft-07, where $ref has no neighbours and 1.0 is no integer, says nothing of
// names that `propertyNames` refuses, stops reading texts at U+0000, and gives patterns to
// std::regex as they come. So it gets an equal of each value and schema without these.
constexpr const char* own_pattern = "x-pattern";
constexpr const char* own_property_names = "x-propertyNames";

plain_json simplified(const json& value, std::size_t& values) {
  ++values;
  if (const auto* text = value.get_ptr<const std::string*>()) {
    std::string to = *text;
    for (std::size_t nul = 0; (nul = to.find('\0', nul)) != std::string::npos;)
      to.replace(nul, 1, "\xef\xbf\xbd");
    return to;
  }
  if (const auto* items = value.get_ptr<const json::array_t*>()) {
    plain_json to = plain_json::array();
    for (const json& item : *items) to.push_back(simplified(item, values));
    return to;
  }
  if (const auto* members = value.get_ptr<const json::object_t*>()) {
    plain_json to = plain_json::object();
    for (const auto& [name, member] : *members)
      to.emplace(name.find('\0') == std::string::npos
                     ? name
                     : simplified(json(name), values).get<std::string>(),
                 simplified(member, values));
    return to;
  }
  if (value.is_number_float() && is_whole(value) && std::fabs(value.get<double>()) < 0x1p53)
    return static_cast<std::int64_t>(value.get<double>());
  if (value.is_number_unsigned() && value.get<std::uint64_t>() > INT64_MAX)
    return static_cast<double>(value.get<std::uint64_t>());
  return plain_json(value);
}

class schema_reader {
public:
  schema_reader(const json& root, std::string_view name) : root_(root), name_(name) {}

  plain_json read(const json& schema, std::size_t depth) {
    if (++rules_ > most_rules)
      fail("{}: more than {} rules once each $ref is followed", name_, most_rules);
    if (depth > deepest_schema)
      fail("{}: schemas nested more than {} deep, or a $ref that leads back to itself", name_,
           deepest_schema);
    if (schema.is_boolean()) // `false`: a `not` of everything, without words of its own
      return schema.get<bool>() ? plain_json::object() : plain_json{{"not", {{"title", ""}}}};
    const auto* members = schema.get_ptr<const json::object_t*>();
    if (members == nullptr) fail("{}: a schema is neither object nor boolean", name_);
    plain_json to = plain_json::object();
    for (const auto& [word, value] : *members) {
      const auto row = std::find_if(keywords.begin(), keywords.end(),
                                    [&name = word](const keyword& k) { return k.name == name; });
      if (row == keywords.end())
        fail("{}: the keyword \"{}\" is not supported", name_, printable(word, 80));
      if (!read_operand(*row, value, depth, to))
        fail("{}: the value of \"{}\" is not what the keyword takes", name_, word);
    }
    return to;
  }

  std::size_t rules() const noexcept { return rules_; }

private:
  bool read_operand(const keyword& word, const json& value, std::size_t depth, plain_json& to) {
    const std::string name(word.name);
    switch (word.takes) {
    case operand::annotation: return true;
    case operand::title:
      if (value.is_string()) to[name] = value;
      return true;
    case operand::subschema:
      if (name == "propertyNames") // as text: a place for own constraints takes no schema
        to[own_property_names] = read(value, depth + 1).dump();
      else
        to[name] = read(value, depth + 1);
      return true;
    case operand::subschemas: {
      if (!value.is_array() || value.empty()) return false;
      for (const json& each : value) to[name].push_back(read(each, depth + 1));
      return true;
    }
    case operand::named_schemas: {
      if (!value.is_object()) return false;
      to[name] = plain_json::object();
      for (const auto& [key, each] : *value.get_ptr<const json::object_t*>())
        to[name][key] = read(each, depth + 1);
      return true;
    }
    case operand::reference: return read_reference(value, depth, to);
    case operand::pattern: return read_pattern(value, to);
    case operand::names:
      to[name] = plain_json(value);
      return value.is_array() &&
             std::all_of(value.begin(), value.end(), [](const json& v) { return v.is_string(); });
    case operand::count:
      to[name] = simplified(value, rules_);
      return is_whole(value) && value.get<double>() >= 0;
    case operand::number: to[name] = simplified(value, rules_); return value.is_number();
    case operand::value: to[name] = simplified(value, rules_); return true;
    }
    return false;
  }

  // Beside its neighbours, as the draft has it.
  bool read_reference(const json& value, std::size_t depth, plain_json& to) {
    const auto* text = value.get_ptr<const std::string*>();
    if (text == nullptr || !text->starts_with(definitions)) return false;
    const json* all = find(root_, "$defs");
    const json* target = all == nullptr ? nullptr : find(*all, text->substr(definitions.size()));
    if (target == nullptr) return false;
    to["allOf"].push_back(read(*target, depth + 1));
    return true;
  }

  bool read_pattern(const json& value, plain_json& to) const {
    const auto* text = value.get_ptr<const std::string*>();
    if (text == nullptr) return false;
    if (size_of_pattern(*text) > longest_pattern)
      fail("{}: a pattern of more than {} characters, repetitions counted", name_, longest_pattern);
    if (has_back_reference(*text))
      fail("{}: the pattern {} has a back-reference, which is not taken: write out what it repeats",
           name_, printable(*text, 80));
    try {
      static_cast<void>(compile_pattern(*text));
    } catch (const std::regex_error& error) {
      fail("{}: the pattern {} is not taken: {}", name_, printable(*text, 80), error.what());
    }
    to[own_pattern] = *text;
    return true;
  }

  const json& root_;
  std::string_view name_;
  std::size_t rules_ = 0;
};

} // namespace

// ---- a schema that valijson has read

struct compiled_schema {
  plain_json schema;
  valijson::Schema compiled;
  std::size_t rules = 0;

  explicit compiled_schema(plain_json from);
  bool accepts(const plain_json& value) const;
  std::vector<schema_violation> check(const plain_json& document) const;
};

namespace {

using valijson::ValidationResults;
using valijson::adapters::Adapter;

// A constraint of our own in the library's place for such.
template <class Self> class own_constraint : public valijson::constraints::PolyConstraint {
  valijson::constraints::Constraint* cloneInto(void* to) const override {
    return new (to) Self(static_cast<const Self&>(*this));
  }
  std::size_t sizeOf() const override { return sizeof(Self); }
};

template <class Constraint> class own_builder final : public valijson::ConstraintBuilder {
public:
  valijson::constraints::Constraint* make(const Adapter& operand) const override {
    return new Constraint(operand.asString());
  }
};

class pattern_constraint final : public own_constraint<pattern_constraint> {
public:
  explicit pattern_constraint(std::string text)
      : text_(std::move(text)),
        pattern_(std::make_shared<const std::wregex>(compile_pattern(text_))) {}

  bool validate(const Adapter& target, const std::vector<std::string>& where,
                ValidationResults* results) const override {
    if (!target.isString()) return true;
    const std::string text = target.asString();
    const std::wstring wide = decode_utf8(text);
    const bool too_long = wide.size() > longest_matched;
    if (!too_long && std::regex_search(wide, *pattern_)) return true;
    if (results == nullptr) return false;
    const std::string why =
        too_long ? "is too long to be matched with a pattern"
                 : fmt::format("'{}' does not match {}", printable(text, longest_shown), text_);
    results->pushError(where, std::string(own_words) + why);
    return false;
  }

private:
  std::string text_;
  std::shared_ptr<const std::wregex> pattern_;
};

class names_constraint final : public own_constraint<names_constraint> {
public:
  explicit names_constraint(const std::string& schema)
      : of_names_(std::make_shared<const compiled_schema>(plain_json::parse(schema))) {}

  bool validate(const Adapter& target, const std::vector<std::string>& where,
                ValidationResults* results) const override {
    if (!target.isObject()) return true;
    bool sound = true;
    target.applyToObject([&](const std::string& name, const Adapter&) {
      std::vector<std::string> place = where;
      place.push_back("[" + name + "]");
      for (const schema_violation& violation : of_names_->check(name)) {
        sound = false;
        if (results != nullptr) results->pushError(place, std::string(own_words) + violation.why);
      }
      return sound || results != nullptr;
    });
    return sound;
  }

private:
  std::shared_ptr<const compiled_schema> of_names_;
};

// ---- what is wrong, in words that tell what was found and what is accepted

// The value at the path; null where there is none.
const plain_json* value_at(const plain_json& root, const std::vector<std::string>& path) {
  const plain_json* at = &root;
  for (const std::string& step : path) {
    if (at->is_array() && !step.empty() && step.size() < 10) {
      const auto index = static_cast<std::size_t>(std::strtoul(step.c_str(), nullptr, 10));
      if (index >= at->size()) return nullptr;
      at = &(*at)[index];
    } else {
      const auto member = at->find(step);
      if (member == at->end()) return nullptr;
      at = &*member;
    }
  }
  return at;
}

// What the schema says under that keyword of values at the path, in whichever of its parts.
class operand_finder {
public:
  operand_finder(const std::vector<std::string>& path, std::string_view word)
      : path_(path), word_(word) {}

  std::vector<const plain_json*> find_in(const plain_json& schema) {
    walk(schema, 0);
    return std::move(found_);
  }

private:
  void walk(const plain_json& schema, std::size_t depth) {
    for (const char* part : {"allOf", "anyOf"})
      if (const auto all = schema.find(part); all != schema.end())
        for (const plain_json& each : *all) walk(each, depth);
    for (const char* part : {"then", "else"})
      if (const auto branch = schema.find(part); branch != schema.end()) walk(*branch, depth);
    if (depth == path_.size()) {
      if (const auto operand = schema.find(word_); operand != schema.end())
        found_.push_back(&*operand);
      return;
    }
    const auto properties = schema.find("properties");
    const bool named = properties != schema.end() && properties->contains(path_[depth]);
    if (named) walk((*properties)[path_[depth]], depth + 1);
    for (const char* part : {"items", "additionalProperties"})
      if (const auto rest = schema.find(part); rest != schema.end() && !named)
        walk(*rest, depth + 1);
  }

  const std::vector<std::string>& path_;
  std::string word_;
  std::vector<const plain_json*> found_;
};

std::string shown_list(const plain_json& values) {
  if (!values.is_array()) return shown(values);
  std::string text;
  for (const plain_json& value : values) text += (text.empty() ? "" : ", ") + shown(value);
  return printable(text, longest_shown);
}

std::size_t code_points(const plain_json& text) {
  return decode_utf8(text.get<std::string>()).size();
}

struct wording {
  std::string_view begins; // what valijson says
  const char* word;        // the keyword that it says it of
  std::string (*say)(const plain_json& value, const plain_json& operand);
};

const std::array wordings{
    wording{"Value type not permitted", "type",
            [](const plain_json&, const plain_json& types) {
              return fmt::format("is not of type {}", shown_list(types));
            }},
    wording{"Failed to match against any enum", "enum",
            [](const plain_json& value, const plain_json& values) {
              return fmt::format("'{}' is not one of {}", shown(value), shown_list(values));
            }},
    wording{"Failed to match expected value", "const",
            [](const plain_json& value, const plain_json& only) {
              return fmt::format("'{}' is not {}", shown(value), shown(only));
            }},
    wording{"Expected number greater", "minimum",
            [](const plain_json& value, const plain_json& least) {
              return fmt::format("{} is below {}", shown(value), shown(least));
            }},
    wording{"Expected number less", "maximum",
            [](const plain_json& value, const plain_json& most) {
              return fmt::format("{} is above {}", shown(value), shown(most));
            }},
    wording{"String should be no fewer", "minLength",
            [](const plain_json& value, const plain_json& least) {
              return fmt::format("is {} characters long; at least {} are needed",
                                 code_points(value), shown(least));
            }},
    wording{"String should be no more", "maxLength",
            [](const plain_json& value, const plain_json& most) {
              return fmt::format("is {} characters long; {} are allowed", code_points(value),
                                 shown(most));
            }},
    wording{"Array should contain no fewer", "minItems",
            [](const plain_json& value, const plain_json& least) {
              return fmt::format("has {} items; at least {} are needed", value.size(),
                                 shown(least));
            }},
    wording{"Array should contain no more", "maxItems",
            [](const plain_json& value, const plain_json& most) {
              return fmt::format("has {} items; {} are allowed", value.size(), shown(most));
            }},
    wording{"Target should not validate", "not",
            [](const plain_json& value, const plain_json& unwanted) -> std::string {
              const auto title = unwanted.find("title");
              if (title == unwanted.end()) return "has a form that it must not have";
              if (*title == "") return "is not allowed here";
              return fmt::format("'{}' {}", shown(value), shown(*title));
            }},
    wording{"Failed to validate against any schemas", "anyOf",
            [](const plain_json&, const plain_json& forms) {
              return fmt::format("fits none of the {} forms it may have", forms.size());
            }},
};

// Turns the library's messages, one of each rule and one of each schema around it, into one for
// each place and keyword.
class explainer {
public:
  explainer(const plain_json& schema, const plain_json& document)
      : schema_(schema), document_(document) {}

  std::vector<schema_violation> explain(const ValidationResults& results) {
    for (const ValidationResults::Error& error : results) {
      std::vector<std::string> path;
      for (std::size_t i = 1; i < error.context.size(); ++i) // after "<root>": "[models]", "[3]"
        path.push_back(error.context[i].substr(1, error.context[i].size() - 2));
      add(std::move(path), error.description);
    }
    if (found_.empty()) found_.push_back({{}, "is not valid against the schema"});
    return std::move(found_);
  }

private:
  void add(std::vector<std::string> path, std::string_view text) {
    constexpr std::string_view missing = "Missing required property '";
    if (text.starts_with(own_words))
      return say(std::move(path), std::string(text.substr(own_words.size())));
    if (text.starts_with(missing)) {
      path.emplace_back(text.substr(missing.size(), text.rfind('\'') - missing.size()));
      return say(std::move(path), "is missing");
    }
    const auto row = std::find_if(wordings.begin(), wordings.end(),
                                  [&](const wording& w) { return text.starts_with(w.begins); });
    if (row != wordings.end()) return say_each(path, *row);
    if (!text.starts_with("Failed to validate")) // else of a schema around one that was told
      say(std::move(path), std::string(text));
  }

  // Of all that the schema says there, what refuses the value.
  void say_each(const std::vector<std::string>& path, const wording& how) {
    const plain_json* value = value_at(document_, path);
    if (value == nullptr) return say(path, "is not valid");
    const std::vector<const plain_json*> operands = operand_finder(path, how.word).find_in(schema_);
    for (const plain_json* operand : operands)
      if (operands.size() == 1 ||
          !compiled_schema(plain_json{{how.word, *operand}}).accepts(*value))
        say(path, how.say(*value, *operand));
  }

  void say(std::vector<std::string> path, std::string why) {
    if (told_.emplace(path, why).second) found_.push_back({std::move(path), std::move(why)});
  }

  const plain_json& schema_;
  const plain_json& document_;
  std::vector<schema_violation> found_;
  std::set<std::pair<std::vector<std::string>, std::string>> told_;
};

} // namespace

compiled_schema::compiled_schema(plain_json from) : schema(std::move(from)) {
  valijson::SchemaParser parser;
  parser.addConstraintBuilder(own_pattern, new own_builder<pattern_constraint>());
  parser.addConstraintBuilder(own_property_names, new own_builder<names_constraint>());
  parser.populateSchema(valijson::adapters::NlohmannJsonAdapter(schema), compiled);
}

bool compiled_schema::accepts(const plain_json& value) const {
  return valijson::Validator().validate(compiled, valijson::adapters::NlohmannJsonAdapter(value),
                                        nullptr);
}

std::vector<schema_violation> compiled_schema::check(const plain_json& document) const {
  ValidationResults results;
  if (valijson::Validator().validate(compiled, valijson::adapters::NlohmannJsonAdapter(document),
                                     &results))
    return {};
  return explainer(schema, document).explain(results);
}

json_schema::json_schema(const json& schema, std::string_view name) {
  schema_reader reader(schema, name);
  plain_json resolved = reader.read(schema, 0);
  try {
    auto compiled = std::make_shared<compiled_schema>(std::move(resolved));
    compiled->rules = reader.rules();
    compiled_ = std::move(compiled);
  } catch (const failure&) {
    throw;
  } catch (const std::exception& error) { // valijson's own, of an operand that is none
    fail("{}: is no schema: {}", name, error.what());
  }
}

std::vector<schema_violation> json_schema::check(const json& document) const {
  std::size_t values = 0;
  const plain_json plain = simplified(document, values);
  if (values > most_work / compiled_->rules)
    fail("holds {} values; against a schema of {} rules, {} are checked", values, compiled_->rules,
         most_work / compiled_->rules);
  return compiled_->check(plain);
}

} // namespace tinymlp::tools
