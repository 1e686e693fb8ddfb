"""Tasks: strangers crowdsource a model or a data set. (SPEC MT, DT) [metaaicm 4.5.1]"""
