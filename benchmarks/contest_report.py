def report(results, evaluation):
    return "later\n"
