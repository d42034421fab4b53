# frozen_string_literal: true

require_relative 'test_helper'

class CodeInterpreterTest < DaytonaTest
  def interpreter
    sandbox.code_interpreter
  end

  def test_variables_last_and_output_is_delivered
    out = []
    err = []
    interpreter.run_code('x = 20')
    result = interpreter.run_code("import sys\nprint(x + 1)\nprint('grün', file=sys.stderr)",
                                  on_stdout: ->(m) { out << m.output }, on_stderr: ->(m) { err << m.output })
    assert_equal ["21\n", "grün\n", nil], [result.stdout, result.stderr, result.error]
    assert_equal %W[21\n grün\n], [out.join, err.join]
  end

  def test_an_exception_is_a_result
    seen = nil
    result = interpreter.run_code('1 / 0', on_error: ->(error) { seen = error })
    assert_equal ['ZeroDivisionError', 'division by zero'], [result.error.name, result.error.value]
    assert_match(/Traceback/, result.error.traceback)
    assert_equal result.error, seen
  end

  def test_contexts_are_apart
    context = interpreter.create_context(cwd: '/tmp')
    interpreter.run_code('y = 1', context: context)
    assert_equal 'NameError', interpreter.run_code('y').error.name
    assert_equal "1 /tmp\n", interpreter.run_code('import os; print(y, os.getcwd())', context: context.id).stdout
    assert_includes interpreter.list_contexts.map(&:id), context.id
    interpreter.delete_context(context)
    refute_includes interpreter.list_contexts.map(&:id), context.id
    assert_raises(Daytona::Sdk::NotFoundError) { interpreter.run_code('1', context: context) }
  end

  def test_a_run_can_be_iterated
    events = interpreter.run_code_stream("print('a')\nraise ValueError('b')").to_a
    assert_equal %w[a ValueError], [events.first.output.strip, events.last.name]
  end

  def test_a_timeout_ends_the_run
    context = interpreter.create_context
    assert_raises(Daytona::Sdk::TimeoutError) do
      interpreter.run_code('while True: pass', context: context, timeout: 1)
    end
  end
end
