export{c21_a as a,c21_b as b,c21_c as c,c21_d as d,c21_e as e,c21_f as f,c21_g as g}from"../sign.js";
