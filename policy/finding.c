/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/finding.h"

#include <stddef.h>

const char *pol_finding_name(enum pol_finding finding)
{
	static const char *const names[] = {
	    [POL_FINDING_NONE] = NULL,
	    [POL_FINDING_UNRECOGNIZED_ENTITY_TYPE] = "unrecognized_entity_type",
	    [POL_FINDING_UNRECOGNIZED_ACTION_ID] = "unrecognized_action_id",
	    [POL_FINDING_INVALID_ACTION_APPLICATION] = "invalid_action_application",
	    [POL_FINDING_INVALID_ENUM_ENTITY] = "invalid_enum_entity",
	    [POL_FINDING_UNEXPECTED_TYPE] = "unexpected_type",
	    [POL_FINDING_INCOMPATIBLE_TYPES] = "incompatible_types",
	    [POL_FINDING_UNSAFE_ATTRIBUTE_ACCESS] = "unsafe_attribute_access",
	    [POL_FINDING_UNSAFE_OPTIONAL_ATTRIBUTE_ACCESS] = "unsafe_optional_attribute_access",
	    [POL_FINDING_UNSAFE_TAG_ACCESS] = "unsafe_tag_access",
	    [POL_FINDING_WRONG_NUMBER_ARGUMENTS] = "wrong_number_arguments",
	    [POL_FINDING_FUNCTION_ARGUMENT_VALIDATION] = "function_argument_validation",
	    [POL_FINDING_NON_LIT_EXT_CONSTRUCTOR] = "non_lit_ext_constructor",
	    [POL_FINDING_EMPTY_SET_FORBIDDEN] = "empty_set_forbidden",
	    [POL_FINDING_ENTITY_DEREF_LEVEL_VIOLATION] = "entity_deref_level_violation",
	    [POL_FINDING_IMPOSSIBLE_POLICY] = "impossible_policy",
	    [POL_FINDING_BIDI_CHARS_STRING] = "bidi_chars_in_string",
	    [POL_FINDING_BIDI_CHARS_IDENTIFIER] = "bidi_chars_in_identifier",
	    [POL_FINDING_MIXED_SCRIPT_STRING] = "mixed_script_string",
	    [POL_FINDING_MIXED_SCRIPT_IDENTIFIER] = "mixed_script_identifier",
	    [POL_FINDING_CONFUSABLE_IDENTIFIER] = "confusable_identifier",
	};

	return names[finding];
}
